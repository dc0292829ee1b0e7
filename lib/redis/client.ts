import { env } from '../env.ts'
import { describeError, log } from '../log.ts'
import { Redis } from '../vendor/redis.js'

const TIMEOUT_MS = 800

/** Upstash over REST. Redis is a cache here: every caller works without it. */
export const redis = new Redis({
  url: env.UPSTASH_REDIS_REST_URL,
  token: env.UPSTASH_REDIS_REST_TOKEN,
  automaticDeserialization: false,
  enableAutoPipelining: false,
  retry: { retries: 0 },
  signal: () => AbortSignal.timeout(TIMEOUT_MS),
})

/** The answer of Redis, or null when it does not answer in time: the caller goes on without. */
export async function tryRedis<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (error) {
    log('warn', 'redis is away', describeError(error))
    return null
  }
}
