import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApi } from '../../lib/client/api.ts'
import type { FileOutcome } from '../../lib/client/entry.ts'
import type { Failure } from '../../lib/client/failure.ts'
import { fileSource } from '../../lib/client/node/file-source.ts'
import { createHashPool } from '../../lib/client/node/hash-pool.ts'
import { createSender } from '../../lib/client/node/send-part.ts'
import type { Source } from '../../lib/client/source.ts'
import { type UploadOptions, uploadFiles } from '../../lib/client/upload.ts'
import { type Relay, startRelay } from '../../lib/edge-node/relay.ts'
import { neonConfig } from '../../lib/vendor/orm.js'
import type { TestAccount } from '../local/account.ts'
import { writeBigFile } from '../local/big-file.ts'
import { registerEdges } from '../local/edges.ts'
import { connectResp } from '../local/resp.ts'
import { grantPublicKey } from '../local/settings.ts'
import { type Stack, startStack } from '../local/stack.ts'
import { startThrottle, type Throttle } from '../local/throttle.ts'

const IDS = ['lon-1', 'fra-1', 'nyc-1', 'sfo-1', 'sin-1']

/** A relay that can be killed and started again at its address, behind a way whose width can be changed. */
export type ThrottledRelay = {
  id: string
  way: Throttle
  kill: () => Promise<void>
  restart: () => Promise<void>
}

export type Sending = {
  /** Resolves with the file's outcome. */
  ended: Promise<FileOutcome>
  /** Failed attempts so far: over which path, and why. */
  troubles: { routeId: string; error: Failure }[]
}

/**
 * A stack of its own whose functions run in a process of their own, with five relays here. Each way, the direct one too,
 * carries `bytesPerSecond`, so that no path is better than another until a test makes it so.
 */
export async function startThrottledPaths(bytesPerSecond: number) {
  const stack = await startStack({ functions: true, edges: 0 })
  Object.assign(process.env, stack.env)
  neonConfig.fetchEndpoint = stack.neonUrl
  // What reads the environment comes after it is set.
  const { anAccount } = await import('../local/account.ts')
  const folder = await mkdtemp(join(tmpdir(), 'jetty-paths-'))
  const relays = await Promise.all(IDS.map((id) => startOne(stack, id, bytesPerSecond)))
  const direct = await startThrottle(new URL(stack.s3Endpoint).host, bytesPerSecond)
  await registerEdges(
    stack.databaseUrl,
    relays.map(({ id, way: { port } }) => ({ id, url: `http://127.0.0.1:${port}`, port })),
  )
  const tools = { pool: createHashPool(1), sender: createSender() }
  const ways = [...relays.map(({ way }) => way), direct]

  async function send(
    { apiKey }: TestAccount,
    { path, size }: { path: string; size: number },
    options: Partial<UploadOptions> = {},
  ): Promise<Sending> {
    const name = join(folder, path)
    await writeBigFile(name, size)
    const stored = fileSource(name, await stat(name, { bigint: true }), tools)
    const source = overThrottle(stored, stack.s3Endpoint, direct.port)
    const troubles: Sending['troubles'] = []
    const ended = new Promise<FileOutcome>((resolve, reject) => {
      uploadFiles([{ path, name: path, source }], {
        api: createApi({ url: stack.url ?? '', apiKey }),
        onFile: resolve,
        onTrouble: (routeId, error) => troubles.push({ routeId, error }),
        ...options,
      }).catch(reject)
    })
    return { ended, troubles }
  }

  return {
    stack,
    folder,
    relays,
    direct,
    send,
    anAccount: () => anAccount({ tier: 'business' }),
    /** An endpoint's answer; with a body it is a POST. */
    ask: (path: string, options?: AskOptions) => ask(stack.url ?? '', path, options),
    /** Empties Redis, where measurements are. */
    forgetMeasurements: () => emptyRedis(stack.redisUrl),
    setRate: (rate: number) => ways.map((way) => way.setRate(rate)),
    stop: async () => {
      tools.sender.close()
      await tools.pool.close()
      await Promise.all(ways.map((way) => way.stop()))
      await Promise.all(relays.map(({ kill }) => kill()))
      await stack.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function emptyRedis(url: string): Promise<void> {
  const connection = await connectResp(Number(new URL(url).port))
  await connection.send([['FLUSHALL']])
  connection.close()
}

async function startOne(stack: Stack, id: string, rate: number): Promise<ThrottledRelay> {
  const { LYVE_ENDPOINT = '', LYVE_BUCKET_NAME = '', EDGE_GRANT_PRIVATE_KEY = '' } = stack.env
  const settings = {
    id,
    origin: LYVE_ENDPOINT,
    bucket: LYVE_BUCKET_NAME,
    grantPublicKey: grantPublicKey(EDGE_GRANT_PRIVATE_KEY),
    stopMs: 0,
  }
  let running: Relay | undefined = await startRelay(settings)
  const { port } = running
  return {
    id,
    way: await startThrottle(`127.0.0.1:${port}`, rate),
    kill: async () => {
      const dying = running
      running = undefined
      await dying?.stop()
    },
    restart: async () => {
      running = await startRelay({ ...settings, port })
    },
  }
}

/** The source with its direct requests taken over the throttled way; the Host stays as it was signed. */
function overThrottle(source: Source, storeUrl: string, port: number): Source {
  const { origin, host } = new URL(storeUrl)
  return {
    ...source,
    send: (request) => {
      if (!request.url.startsWith(origin)) return source.send(request)
      const url = request.url.replace(origin, `http://127.0.0.1:${port}`)
      return source.send({ ...request, url, headers: { ...request.headers, host } })
    },
  }
}

export type AskOptions = { as?: string; method?: string; body?: unknown }

async function ask(base: string, path: string, { as, method, body }: AskOptions = {}) {
  const response = await fetch(`${base}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      accept: 'application/json',
      ...(as ? { authorization: `Bearer ${as}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by looking into it
  const answer: any = await response.json()
  return { status: response.status, body: answer }
}
