import { env } from '../env.ts'
import { describeError, log } from '../log.ts'
import { Redis } from '../vendor/redis.js'

/** After it did not answer in time: a call that asks several times waits once. */
const REST_MS = 1_000

let restsUntil = 0

/** Upstash over REST. Redis is a cache here: every caller works without it. */
export const redis = new Redis({
  url: env.UPSTASH_REDIS_REST_URL,
  token: env.UPSTASH_REDIS_REST_TOKEN,
  automaticDeserialization: false,
  enableAutoPipelining: false,
  retry: { retries: 0 },
  signal: () => AbortSignal.timeout(env.REDIS_TIMEOUT_MS),
})

/** The answer of Redis, or null when it does not answer in time, or did not a moment ago: the caller goes on without. */
export async function tryRedis<T>(ask: () => Promise<T>): Promise<T | null> {
  return Date.now() < restsUntil ? null : await insistOnRedis(ask)
}

/** The same without the rest, for what must not be missed because Redis was slow a moment ago. */
export async function insistOnRedis<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (error) {
    if (isTimeout(error)) restsUntil = Date.now() + REST_MS
    log('warn', 'redis is away', describeError(error))
    return null
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}
