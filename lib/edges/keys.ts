import { createHash } from 'node:crypto'

const HOUR_SECONDS = 3600

/** How long an account's own measurements live without a new one. */
export const OWN_SECONDS = 7 * 24 * HOUR_SECONDS
/** How long what accounts say of a path counts for others. */
export const SHARED_SECONDS = 48 * HOUR_SECONDS
/** A hash in Redis, all of measuring is in these four; it goes when nothing was written for `seconds`. */
export type Hash = { key: string; seconds: number }

/** What one account measured: path id -> OwnMeasurement, at most 32. */
export function ownHash(accountId: string): Hash {
  return { key: `jetty:edge:own:${accountId}`, seconds: OWN_SECONDS }
}

/** What accounts say of one path: `contributorOf` -> Contribution, at most 64. Read on reports only. */
export function contributionsHash(pathId: string): Hash {
  return { key: `jetty:edge:said:${pathId}`, seconds: SHARED_SECONDS }
}

/** What came of it, among clients of one region or (null) among all: path id -> SharedMeasurement. */
export function sharedHash(region: string | null): Hash {
  const key = region === null ? 'jetty:edge:shared' : `jetty:edge:shared:${region}`
  return { key, seconds: SHARED_SECONDS }
}

/** What relays say of themselves: relay id -> Heartbeat. */
export const HEARTBEATS: Hash = { key: 'jetty:edge:heartbeats', seconds: 24 * HOUR_SECONDS }

/**
 * An account's name among contributors: 96 bits of a SHA-256, so what is kept of a path does not say who said it. No key is
 * needed: an account id is 122 random bits, which nobody finds by trying.
 */
export function contributorOf(accountId: string): string {
  return createHash('sha256').update(accountId).digest('base64url').slice(0, 16)
}
