import { startRedis } from './redis.ts'
import { startUpstash } from './upstash.ts'

export type RedisWithFront = { url: string; frontUrl: string; stop(): Promise<void> }

/** Redis behind Upstash's protocol. REDIS_PORT names a Redis server that already runs on this machine. */
export async function startRedisWithFront(
  token: string,
  frontPort?: number,
): Promise<RedisWithFront> {
  const existing = Number(process.env.REDIS_PORT)
  const redis = existing ? null : await startRedis()
  const port = redis?.port ?? existing
  const front = await startUpstash(port, token, frontPort)
  return {
    url: `redis://127.0.0.1:${port}`,
    frontUrl: front.url,
    async stop() {
      await front.stop()
      await redis?.stop()
    },
  }
}
