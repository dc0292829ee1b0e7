import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { neonConfig } from '../../../lib/vendor/orm.js'
import { jetty } from '../../local/command.ts'
import { startFunctionsChild } from '../../local/functions-child.ts'
import { startStack } from '../../local/stack.ts'
import { temporaryFolder } from '../../local/temporary.ts'
import { answers } from '../wan/requirements.ts'
import { AWS, AWS_CONFIG, AWS_CONFIG_NAME, WAYS, type Way } from '../wan/ways.ts'
import { type CountedStore, countedStore } from './counted-store.ts'

/** What one upload cost. */
export type Cost = { sentBytes: number; seconds: number; functionCalls: number | null }

/** One account's `jetty upload`, by the real command. */
export type Account = { upload: (file: string, ...words: string[]) => Promise<Cost> }

export type World = {
  folder: string
  anAccount: () => Promise<Account>
  /** A published client's whole upload of a file; null where it is not installed. */
  peer: (name: 'rclone16' | 'awscli', file: string) => Promise<Cost | null>
  stop: () => Promise<void>
}

/** The embedded stack, with a counter before its store: clients and functions know no other address of it. */
export async function startWorld(): Promise<World> {
  const stack = await startStack({ functions: true, edges: 0 })
  const store = await countedStore(stack.s3Endpoint)
  const env = { ...stack.env, LYVE_ENDPOINT: store.url }
  Object.assign(process.env, env)
  neonConfig.fetchEndpoint = stack.neonUrl
  const functions = await startFunctionsChild(env)
  const folder = await temporaryFolder()
  const { anAccount } = await import('../../local/account.ts')
  return {
    folder,
    anAccount: async () => {
      const { apiKey } = await anAccount({ tier: 'enterprise' })
      const settings = { JETTY_URL: functions.url, JETTY_API_KEY: apiKey }
      return { upload: (file, ...words) => uploaded(store, settings, [file, ...words]) }
    },
    peer: async (name, file) => {
      const way = WAYS[name]
      return way && isThere(way) ? await sent(way, { file, folder, store, env }) : null
    },
    stop: async () => {
      await functions.stop()
      await store.stop()
      await stack.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function uploaded(
  store: CountedStore,
  settings: Record<string, string>,
  words: string[],
): Promise<Cost> {
  const [before, startedAt] = [store.received(), performance.now()]
  const { code, stderr, lines } = await jetty(settings, 'upload', '--json', ...words).ended
  if (code !== 0) throw new Error(`jetty upload ${words.join(' ')}: ${stderr}`)
  return {
    sentBytes: store.received() - before,
    seconds: (performance.now() - startedAt) / 1000,
    functionCalls: lines[0].functionCalls,
  }
}

function isThere({ needs }: Way): boolean {
  return needs === 'awscli' ? answers(AWS, '--version') : answers('rclone', 'version')
}

type Sending = { file: string; folder: string; store: CountedStore; env: Record<string, string> }

async function sent(way: Way, { file, folder, store, env }: Sending): Promise<Cost> {
  await writeFile(join(folder, AWS_CONFIG_NAME), AWS_CONFIG)
  const command = way.command({
    file,
    folder,
    key: `${Date.now()}`,
    store: {
      endpoint: store.url,
      region: env.LYVE_REGION ?? '',
      bucket: env.LYVE_BUCKET_NAME ?? '',
      accessKeyId: env.LYVE_ACCESS_KEY ?? '',
      secretAccessKey: env.LYVE_SECRET_KEY ?? '',
    },
    proxyEndpoint: '',
    tusUrl: '',
    control: { url: '', apiKey: '' },
  })
  const [program = '', ...words] = command.words
  const [before, startedAt] = [store.received(), performance.now()]
  const child = spawn(program, words, {
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${way.label} ended with ${code}`)
  return {
    sentBytes: store.received() - before,
    seconds: (performance.now() - startedAt) / 1000,
    functionCalls: null,
  }
}
