import { redis, tryRedis } from '../redis/client.ts'
import * as z from '../vendor/zod.js'
import { readFields, writeField } from './fields.ts'
import { HEARTBEATS } from './keys.ts'
import type { Heartbeat } from './measurement.ts'

/** Compares and writes at once, in one command. What is stored but unreadable counts as nothing. */
const KEEP_NEWEST = `
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if stored then
  local ok, heartbeat = pcall(cjson.decode, stored)
  if ok and type(heartbeat) == 'table' and type(heartbeat.at) == 'number' and heartbeat.at >= tonumber(ARGV[2]) then
    return 0
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1`

const NotNegative = z.number().check(z.minimum(0))
const StoredHeartbeat = z.object({
  loadPercent: z.number().check(z.minimum(0), z.maximum(100)),
  activeUploads: NotNegative,
  throughputMbps: NotNegative,
  version: z.string(),
  at: z.number(),
})

/**
 * Keeps what a relay said of itself, for a day. The caller has checked who says it, and that its clock is right.
 * Redis 1.
 *
 * @returns false when an equally new or newer one is there, or Redis is away
 */
export async function recordHeartbeat(edgeId: string, heartbeat: Heartbeat): Promise<boolean> {
  const { at } = heartbeat
  const words = [edgeId, String(at), writeField(heartbeat), String(HEARTBEATS.seconds)]
  const kept = await tryRedis(() => redis.eval(KEEP_NEWEST, [HEARTBEATS.key], words))
  return Number(kept) === 1
}

/** The last heartbeat of each relay that sent one within a day. Redis 1; away, none. */
export async function readHeartbeats(): Promise<Map<string, Heartbeat>> {
  return heartbeatsOf(await tryRedis(() => redis.hgetall(HEARTBEATS.key)), Date.now())
}

/** Heartbeats from the answer to HGETALL. */
export function heartbeatsOf(reply: unknown, now: number): Map<string, Heartbeat> {
  return readFields(reply, (value) => {
    const heartbeat = z.safeParse(StoredHeartbeat, value).data
    return heartbeat && now - heartbeat.at < HEARTBEATS.seconds * 1000 ? heartbeat : null
  })
}
