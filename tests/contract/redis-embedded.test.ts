import { redisContract } from './redis.ts'

// With REDIS_PORT the stack's front stands before that Redis server, which then has to answer like Debian's.
redisContract({
  name: 'the Redis of the stack behind the local front',
  kind: process.env.REDIS_PORT ? 'debian' : 'embedded',
  start: async () => ({
    url: process.env.UPSTASH_REDIS_REST_URL ?? '',
    token: process.env.UPSTASH_REDIS_REST_TOKEN ?? '',
    stop: async () => {},
  }),
})
