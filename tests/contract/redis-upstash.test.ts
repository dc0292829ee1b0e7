import { test } from 'vitest'
import { redisContract } from './redis.ts'

const url = process.env.REAL_UPSTASH_REDIS_REST_URL
const token = process.env.REAL_UPSTASH_REDIS_REST_TOKEN

if (url && token) {
  redisContract({
    name: 'Upstash',
    kind: 'upstash',
    start: async () => ({ url, token, stop: async () => {} }),
  })
} else {
  test.todo('not run: Upstash, because REAL_UPSTASH_REDIS_REST_URL and _TOKEN are not set')
}
