import { redis, tryRedis } from '../redis/client.ts'
import { writeField } from './fields.ts'
import type { Hash } from './keys.ts'

/** A field to write, or (null) to delete. */
export type Change = { hash: Hash; field: string; value: object | null }

/**
 * The answers to HGETALL of several hashes, in one round trip; one that is broken leaves the others readable. Null when
 * Redis is away.
 */
export async function readHashes(hashes: Hash[]): Promise<unknown[] | null> {
  const pipeline = redis.pipeline()
  for (const { key } of hashes) pipeline.hgetall(key)
  const replies = await tryRedis(() => pipeline.exec({ keepErrors: true }))
  return replies?.map(({ result }) => result) ?? null
}

/** Writes and deletes fields and renews what was written to, in one round trip. Redis away, nothing happens. */
export async function writeHashes(changes: Change[]): Promise<void> {
  if (changes.length === 0) return
  const byKey = new Map<string, Change[]>()
  for (const change of changes) {
    const { key } = change.hash
    byKey.set(key, [...(byKey.get(key) ?? []), change])
  }
  const pipeline = redis.pipeline()
  for (const [key, ofKey] of byKey) {
    const gone = ofKey.filter(({ value }) => value === null).map(({ field }) => field)
    const set = ofKey.flatMap(({ field, value }) => (value ? [[field, writeField(value)]] : []))
    if (gone.length > 0) pipeline.hdel(key, ...gone)
    if (set.length === 0) continue
    pipeline.hset(key, Object.fromEntries(set))
    pipeline.expire(key, Math.max(...ofKey.map(({ hash }) => hash.seconds)))
  }
  await tryRedis(() => pipeline.exec({ keepErrors: true }))
}
