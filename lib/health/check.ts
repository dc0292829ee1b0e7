import { query } from '../db/client.ts'
import { describeError, log } from '../log.ts'
import { redis } from '../redis/client.ts'
import { headObject } from '../storage/objects.ts'
import { sql } from '../vendor/orm.js'
import { VERSION } from '../version.ts'

const CACHE_MS = 10_000
const TIMEOUT_MS = 3_000

export type Health = {
  status: 'ok' | 'degraded' | 'down'
  version: string
  services: Record<'postgres' | 'redis' | 'storage', { ok: boolean; ms: number }>
}

let latest: { at: number; health: Promise<Health> } | undefined

/** Which services answer, and in how many ms; asked at most every 10 s by one process. Redis 1, SQL 1, S3 1. */
export function checkHealth(now = Date.now()): Promise<Health> {
  if (!latest || now - latest.at >= CACHE_MS) latest = { at: now, health: askAll() }
  return latest.health
}

async function askAll(): Promise<Health> {
  const [postgres, cache, storage] = await Promise.all([
    time('postgres', () => query(sql`SELECT 1`)),
    time('redis', () => redis.ping()),
    time('storage', () => headObject('.jetty-health')),
  ])
  const services = { postgres, redis: cache, storage }
  if (!postgres.ok || !storage.ok) return { status: 'down', version: VERSION, services }
  return { status: cache.ok ? 'ok' : 'degraded', version: VERSION, services }
}

async function time(
  service: string,
  ask: () => Promise<unknown>,
): Promise<{ ok: boolean; ms: number }> {
  const begun = performance.now()
  const ok = await Promise.race([ask().then(() => true), after(TIMEOUT_MS)]).catch(
    (error: unknown) => {
      log('warn', `${service} does not answer`, describeError(error))
      return false
    },
  )
  return { ok, ms: Math.round(performance.now() - begun) }
}

function after(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms).unref())
}
