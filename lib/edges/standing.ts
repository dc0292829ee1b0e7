import { readFields } from './fields.ts'
import { readHashes } from './hashes.ts'
import { heartbeatsOf } from './heartbeats.ts'
import { HEARTBEATS, ownHash, sharedHash } from './keys.ts'
import type { Heartbeat, Standing, Viewer } from './measurement.ts'
import { readOwn } from './own.ts'
import { regionOf } from './region.ts'
import { type Published, readPublished } from './shared.ts'

/** What is known to all, by path id. */
export type SharedStanding = { shared: Map<string, Published>; heartbeats: Map<string, Heartbeat> }

/** What Redis knows of the paths, for one account and the region it is in. Redis 1; away, nothing is known. */
export async function readStanding(viewer: Viewer): Promise<Standing> {
  const region = regionOf(viewer.position)
  const hashes = [sharedHash(null), HEARTBEATS, ownHash(viewer.accountId)]
  if (region !== null) hashes.push(sharedHash(region))
  const [shared, heartbeats, own, regional] = (await readHashes(hashes)) ?? []
  const now = Date.now()
  return {
    own: readFields(own, (value) => readOwn(value, now)),
    regional: publishedOf(regional, now),
    shared: publishedOf(shared, now),
    heartbeats: heartbeatsOf(heartbeats, now),
  }
}

/** What is known to all: what at least three accounts measured, and what relays say. Redis 1; away, nothing. */
export async function readShared(): Promise<SharedStanding> {
  const [shared, heartbeats] = (await readHashes([sharedHash(null), HEARTBEATS])) ?? []
  const now = Date.now()
  return { shared: publishedOf(shared, now), heartbeats: heartbeatsOf(heartbeats, now) }
}

function publishedOf(reply: unknown, now: number): Map<string, Published> {
  return readFields(reply, (value) => readPublished(value, now))
}
