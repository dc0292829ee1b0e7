import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Edge, registerEdges, startEdges } from './edges.ts'
import { startFunctionsChild } from './functions-child.ts'
import type { FunctionStats } from './functions-stats.ts'
import { startNeon } from './neon.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'
import { FIXED, grantPublicKey, keptSecrets, newSecrets, type Secrets } from './settings.ts'
import { startStore } from './store.ts'
import { copyTemplate, prepareDatabase, TEMPORARY_PASSWORD } from './template.ts'
import { temporaryFolder } from './temporary.ts'
import { startUpstash } from './upstash.ts'

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
  s3Profile?: 'aws' | 'compat'
  ports?: Ports
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
  stop(): Promise<void>
}

type Undo = (() => Promise<unknown>)[]

/**
 * Starts everything a deployment needs on loopback, wire-compatible: PostgreSQL behind Neon's protocol, Redis behind
 * Upstash's, an S3 server, relays and, if asked, the functions. The database is migrated and seeded.
 *
 * @throws Error of one sentence; what had started is stopped again
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const undo: Undo = []
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    return { ...(await startAll(options, undo)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startAll(options: StackOptions, undo: Undo): Promise<Omit<Stack, 'stop'>> {
  const { ports = {}, functions = false } = options
  const dataDir = options.dataDir ?? (await temporaryFolder())
  if (!options.dataDir) undo.push(() => rm(dataDir, { recursive: true, force: true }))
  await mkdir(dataDir, { recursive: true })
  const secrets = options.dataDir ? await keptSecrets(join(dataDir, 'secrets.json')) : newSecrets()

  const [database, redis, store] = await Promise.all([
    startDatabase(options, dataDir, secrets).then(stoppedBy(undo)),
    startRedisWithFront(secrets.UPSTASH_REDIS_REST_TOKEN, ports.upstash).then(stoppedBy(undo)),
    startStore(storeOptions(options, dataDir, secrets), functions).then(stoppedBy(undo)),
  ])
  const { edges } = await startEdges(
    {
      count: options.edges ?? EDGES_DEFAULT,
      port: ports.edges,
      origin: store.endpoint,
      bucket: FIXED.LYVE_BUCKET_NAME,
      grantPublicKey: grantPublicKey(secrets.EDGE_GRANT_PRIVATE_KEY),
    },
    functions,
  ).then(stoppedBy(undo))
  await registerEdges(database.url, edges)

  const { POSTGRES_PASSWORD: _, ...keys } = secrets
  const env = {
    ...keys,
    ...FIXED,
    DATABASE_URL: database.url,
    JETTY_NEON_HTTP: database.neonUrl,
    UPSTASH_REDIS_REST_URL: redis.frontUrl,
    LYVE_ENDPOINT: store.endpoint,
  }
  const running = functions
    ? await startFunctionsChild(env, ports.functions).then(stoppedBy(undo))
    : null
  return {
    env,
    edges,
    s3Endpoint: store.endpoint,
    databaseUrl: database.url,
    neonUrl: database.neonUrl,
    redisUrl: redis.url,
    ...(running && { url: running.url, functionStats: running.stats }),
  }
}

type Database = { url: string; neonUrl: string; stop(): Promise<void> }

async function startDatabase(
  options: StackOptions,
  dataDir: string,
  secrets: Secrets,
): Promise<Database> {
  const postgres = await startPrepared(options, join(dataDir, 'postgres'), secrets)
  const neon = await startNeon(postgres.url, options.ports?.neon)
  return {
    url: postgres.url,
    neonUrl: neon.url,
    async stop() {
      await neon.stop()
      await postgres.stop()
    },
  }
}

async function startPrepared(
  options: StackOptions,
  dataDir: string,
  secrets: Secrets,
): Promise<Postgres> {
  if (!options.dataDir) {
    await copyTemplate(dataDir)
    return await startPostgres({
      dataDir,
      password: TEMPORARY_PASSWORD,
      durable: false,
      port: options.ports?.postgres,
    })
  }
  const { POSTGRES_PASSWORD: password } = secrets
  const postgres = await startPostgres({
    dataDir,
    password,
    durable: true,
    port: options.ports?.postgres,
  })
  try {
    await prepareDatabase(postgres.url)
    return postgres
  } catch (error) {
    await postgres.stop()
    throw error
  }
}

type RedisWithFront = { url: string; frontUrl: string; stop(): Promise<void> }

/** REDIS_PORT names a Redis server that already runs on this machine. */
async function startRedisWithFront(token: string, port?: number): Promise<RedisWithFront> {
  const existing = Number(process.env.REDIS_PORT)
  const redis = existing ? null : await startRedis()
  const redisPort = redis?.port ?? existing
  const front = await startUpstash(redisPort, token, port)
  return {
    url: `redis://127.0.0.1:${redisPort}`,
    frontUrl: front.url,
    async stop() {
      await front.stop()
      await redis?.stop()
    },
  }
}

function storeOptions({ s3Profile, ports }: StackOptions, dataDir: string, secrets: Secrets) {
  return {
    dataDir: join(dataDir, 's3'),
    port: ports?.s3,
    profile: s3Profile,
    accessKeyId: secrets.LYVE_ACCESS_KEY,
    secretAccessKey: secrets.LYVE_SECRET_KEY,
    region: FIXED.LYVE_REGION,
    bucket: FIXED.LYVE_BUCKET_NAME,
  }
}

function stoppedBy(undo: Undo) {
  return <T extends { stop(): Promise<unknown> }>(running: T): T => {
    undo.push(() => running.stop())
    return running
  }
}
