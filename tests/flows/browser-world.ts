import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { type Relay, startRelay } from '../../lib/edge-node/relay.ts'
import { neonConfig } from '../../lib/vendor/orm.js'
import { registerEdges } from '../local/edges.ts'
import { startFunctionsChild } from '../local/functions-child.ts'
import { watchRequests } from '../local/requests-seen.ts'
import { type RunningS3, startS3 } from '../local/s3/server.ts'
import { grantPublicKey } from '../local/settings.ts'
import { startStack } from '../local/stack.ts'
import { temporaryFolder } from '../local/temporary.ts'
import { startThrottle } from '../local/throttle.ts'

const RELAYS = ['lon-1', 'fra-1']
const ROOT = join(import.meta.dirname, '../..')

/** A server that can be taken away and put back at its address. */
export type Server = { port: number; down: () => Promise<void>; up: () => Promise<void> }

/**
 * A deployment for browsers and command lines: functions in a process of their own, two relays and the store here, each
 * behind a way of `bytesPerSecond` and restartable. Chromium resolves every name under localhost, so relays have two
 * more names there.
 */
export async function startBrowserWorld(bytesPerSecond: number) {
  await promisify(execFile)(process.execPath, ['lib/web/make-pages.mjs'], { cwd: ROOT })
  const stack = await startStack({ edges: 0 })
  const folder = await temporaryFolder()
  const requests = watchRequests()

  const store = await startStore(stack.env, join(folder, 's3'))
  const direct = await startThrottle(`127.0.0.1:${store.port}`, bytesPerSecond)
  // What is signed for this address is stored over the throttled way; the relays go to the store itself.
  const env = {
    ...stack.env,
    LYVE_ENDPOINT: `http://127.0.0.1:${direct.port}`,
    JOBS_AFTER_REQUESTS: 'off',
  }
  Object.assign(process.env, env)
  neonConfig.fetchEndpoint = stack.neonUrl
  const { anAccount } = await import('../local/account.ts')

  const relays = await Promise.all(
    RELAYS.map(async (id) => {
      const relay = await startOneRelay(env, id, store.port)
      return { id, ...relay, way: await startThrottle(`127.0.0.1:${relay.port}`, bytesPerSecond) }
    }),
  )
  await register(
    stack.databaseUrl,
    relays.map(({ id, way: { port } }) => ({ id, port })),
  )
  const functions = await startFunctionsChild(env, { location: { latitude: '50', longitude: '4' } })
  const ways = [...relays.map(({ way }) => way), direct]

  return {
    url: functions.url,
    folder,
    store,
    relays,
    direct,
    functions,
    requests: requests.seen,
    anAccount: (tier = 'pro') => anAccount({ tier }),
    bytesUp: () => ways.reduce((sum, way) => sum + way.bytesUp(), 0),
    setRate: (rate: number) => {
      for (const way of ways) way.setRate(rate)
    },
    /** The parts of an account's only open upload that the store has. */
    storedParts: (apiKey: string) => storedParts(functions.url, apiKey),
    stop: async () => {
      requests.stop()
      await functions.stop()
      await Promise.all(ways.map((way) => way.stop()))
      await Promise.all([...relays, store].map((server) => server.down()))
      await stack.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function startStore(env: Record<string, string>, dataDir: string): Promise<Server> {
  const options = {
    dataDir,
    accessKeyId: env.LYVE_ACCESS_KEY ?? '',
    secretAccessKey: env.LYVE_SECRET_KEY ?? '',
    region: env.LYVE_REGION ?? '',
    bucket: env.LYVE_BUCKET_NAME ?? '',
  }
  return await restartable<RunningS3>((port) => startS3({ ...options, port }))
}

async function startOneRelay(
  env: Record<string, string>,
  id: string,
  storePort: number,
): Promise<Server> {
  const settings = {
    id,
    origin: env.LYVE_ENDPOINT ?? '',
    connectTo: `127.0.0.1:${storePort}`,
    bucket: env.LYVE_BUCKET_NAME ?? '',
    grantPublicKey: grantPublicKey(env.EDGE_GRANT_PRIVATE_KEY ?? ''),
    stopMs: 0,
  }
  return await restartable<Relay>((port) => startRelay({ ...settings, port }))
}

async function restartable<T extends { port: number; stop(): Promise<unknown> }>(
  start: (port?: number) => Promise<T>,
): Promise<Server> {
  let running: T | undefined = await start()
  const { port } = running
  return {
    port,
    down: async () => {
      const ending = running
      running = undefined
      await ending?.stop()
    },
    up: async () => {
      running = await start(port)
      if (running.port !== port) throw new Error(`port ${port} was taken meanwhile`)
    },
  }
}

async function register(databaseUrl: string, edges: { id: string; port: number }[]): Promise<void> {
  await registerEdges(
    databaseUrl,
    edges.map(({ id, port }) => ({ id, port, url: `http://127.0.0.1:${port}` })),
  )
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  for (const { id, port } of edges) {
    const names = [`http://localhost:${port}`, `http://more.localhost:${port}`]
    await client.query('UPDATE edge_locations SET alternate_urls = $2 WHERE id = $1', [
      id,
      JSON.stringify(names),
    ])
  }
  await client.end()
}

async function storedParts(url: string, apiKey: string): Promise<number[]> {
  const headers = { authorization: `Bearer ${apiKey}` }
  const read = async (path: string) => (await fetch(`${url}${path}`, { headers })).json()
  const [upload] = (await read('/api/storage/upload')).uploads
  if (!upload) return []
  const ranges: [number, number][] =
    (await read(`/api/storage/upload?uploadId=${upload.uploadId}`)).storedParts ?? []
  return ranges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, at) => first + at),
  )
}
