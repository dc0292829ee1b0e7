import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Edge, type Edges, registerEdges, startEdges } from './edges.ts'
import type { Location } from './function-request.ts'
import { startFunctionsChild } from './functions-child.ts'
import type { FunctionStats } from './functions-stats.ts'
import { freePort } from './listen.ts'
import { type PostgresWithFront, startPostgresWithFront } from './postgres-with-front.ts'
import { type RedisWithFront, startRedisWithFront } from './redis-with-front.ts'
import { FIXED, grantPublicKey, keptSecrets, newSecrets, type Secrets } from './settings.ts'
import { type Store, startStore } from './store.ts'
import { temporaryFolder } from './temporary.ts'

const EDGES_DEFAULT = 5

/** Wished ports; one that is taken is replaced by a free one. Relays take `edges` and those that follow. */
export type Ports = Partial<
  Record<'postgres' | 'neon' | 'upstash' | 's3' | 'edges' | 'functions', number>
>

export type StackOptions = {
  /** Where data and secrets are kept; without it they are temporary. */
  dataDir?: string
  /** How many relays, at most 5. */
  edges?: number
  /** Also run the functions; then the store and the relays have processes of their own, too. */
  functions?: boolean
  /** The relays tell the functions, where those run, how they are. They count as calls then. */
  heartbeats?: boolean
  s3Profile?: 'aws' | 'compat'
  ports?: Ports
  /** Where callers of the functions are. */
  location?: Location
}

export type Stack = {
  /** The whole environment of a deployment (lib/env.ts), and JETTY_NEON_HTTP for preload.ts. */
  env: Record<string, string>
  /** Of the functions, when they run. */
  url?: string
  edges: Edge[]
  s3Endpoint: string
  databaseUrl: string
  neonUrl: string
  redisUrl: string
  /** Memory, network bytes and calls of the functions' process, when it runs. */
  functionStats?: () => Promise<FunctionStats>
  /** Starts the functions anew, at the same address, with the code as it is now. */
  reloadFunctions?: () => Promise<void>
  stop(): Promise<void>
}

/**
 * Starts everything a deployment needs on loopback, wire-compatible: PostgreSQL behind Neon's protocol, Redis behind
 * Upstash's, an S3 server, relays and, if asked, the functions. The database is migrated and seeded.
 *
 * @throws Error of one sentence; what had started is stopped again
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const undo: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  const stopping = <T extends { stop(): Promise<unknown> }>(running: T): T => {
    undo.push(() => running.stop())
    return running
  }
  try {
    return { ...(await startAll(options, stopping)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Stopping = <T extends { stop(): Promise<unknown> }>(running: T) => T

async function startAll(options: StackOptions, stopping: Stopping): Promise<Omit<Stack, 'stop'>> {
  const home = await openHome(options)
  stopping({ stop: home.close })
  const services = startServices(options, home)
  await Promise.allSettled(services.map((service) => service.then(stopping)))
  const [database, redis, store, { edges, speakTo }] = await Promise.all(services)
  if (store.endpoint !== home.origin)
    throw new Error(`Port of ${home.origin} was taken; start again.`)
  await registerEdges(database.url, edges)

  const env = deploymentEnvironment(home, { database, redis })
  const running = options.functions
    ? stopping(
        await startFunctionsChild(env, {
          port: options.ports?.functions,
          location: options.location,
        }),
      )
    : null
  if (running && options.heartbeats) speakTo(running.url)
  return {
    env,
    edges,
    s3Endpoint: store.endpoint,
    databaseUrl: database.url,
    neonUrl: database.neonUrl,
    redisUrl: redis.url,
    ...(running && {
      url: running.url,
      functionStats: running.stats,
      reloadFunctions: running.reload,
    }),
  }
}

type Home = { dataDir: string; secrets: Secrets; origin: string; close(): Promise<void> }

/** Folder, secrets and the store's address: what must be known before anything starts, so that all start at once. */
async function openHome({ dataDir, ports }: StackOptions): Promise<Home> {
  const origin = `http://127.0.0.1:${await freePort(ports?.s3)}`
  if (dataDir) {
    await mkdir(dataDir, { recursive: true })
    const secrets = await keptSecrets(join(dataDir, 'secrets.json'))
    return { dataDir, secrets, origin, close: async () => {} }
  }
  const temporary = await temporaryFolder()
  const close = () => rm(temporary, { recursive: true, force: true })
  return { dataDir: temporary, secrets: newSecrets(), origin, close }
}

type Services = [
  Promise<PostgresWithFront>,
  Promise<RedisWithFront>,
  Promise<Store>,
  Promise<Edges>,
]

function startServices(options: StackOptions, { dataDir, secrets, origin }: Home): Services {
  const { ports = {}, functions = false } = options
  const bucket = FIXED.LYVE_BUCKET_NAME
  const store = {
    dataDir: join(dataDir, 's3'),
    port: Number(new URL(origin).port),
    profile: options.s3Profile,
    accessKeyId: secrets.LYVE_ACCESS_KEY,
    secretAccessKey: secrets.LYVE_SECRET_KEY,
    region: FIXED.LYVE_REGION,
    bucket,
  }
  const count = options.edges ?? EDGES_DEFAULT
  const publicKey = grantPublicKey(secrets.EDGE_GRANT_PRIVATE_KEY)
  return [
    startPostgresWithFront({
      dataDir: join(dataDir, 'postgres'),
      keptPassword: options.dataDir ? secrets.POSTGRES_PASSWORD : null,
      port: ports.postgres,
      neonPort: ports.neon,
    }),
    startRedisWithFront(secrets.UPSTASH_REDIS_REST_TOKEN, ports.upstash),
    startStore(store, functions),
    startEdges({ count, port: ports.edges, origin, bucket, grantPublicKey: publicKey }, functions),
  ]
}

function deploymentEnvironment(
  { secrets, origin }: Home,
  { database, redis }: { database: PostgresWithFront; redis: RedisWithFront },
): Record<string, string> {
  const { POSTGRES_PASSWORD: _, ...keys } = secrets
  return {
    ...keys,
    ...FIXED,
    DATABASE_URL: database.url,
    JETTY_NEON_HTTP: database.neonUrl,
    UPSTASH_REDIS_REST_URL: redis.frontUrl,
    LYVE_ENDPOINT: origin,
  }
}
