import type { Position } from './distance.ts'

/** The path that leads straight to the store, among the ids of relays. */
export const DIRECT = 'direct'

/** What a client saw of one path in one batch: parts that were sent (or failed), over how long it was busy. */
export type PathTiming = {
  /** A relay's id, or `direct`. */
  edgeId: string
  parts: number
  bytes: number
  /** The time that parts spent on the path, added up over its connections, in ms. */
  busyMs: number
  /** Parts that failed. */
  failures: number
  /** How many of them failed last, with no success after. */
  failuresInRow: number
  /** Round trip to the relay, in ms, where the client measured one. */
  latencyMs: number | null
}

/** What one account saw of one path; exponentially weighted, newer reports count more. Times are ms since 1970. */
export type OwnMeasurement = {
  /** Goodput of one connection in Mbit/s. */
  throughputMbps: number | null
  /** Round trip in ms. */
  latencyMs: number | null
  /** Failed parts of all, 0 to 1. */
  errorRate: number
  failuresInRow: number
  failedAt: number | null
  measuredAt: number
}

/** What at least three accounts saw of one path: the trimmed median, each of them counting once. Times are ms since 1970. */
export type SharedMeasurement = {
  /** Goodput of one connection relative to the same account's best path, 0 to 1; free of how fast anybody's line is. */
  relativeThroughput: number | null
  /** Round trip in ms; says something among clients of one region only. */
  latencyMs: number | null
  /** Failed parts of all, 0 to 1. */
  errorRate: number
  accounts: number
  /** Accounts for which it failed three times in a row and not succeeded since. */
  failingAccounts: number
  /** The third newest of their last failures, so one of them alone cannot move it on; null below three. */
  failedAt: number | null
  /** The third newest of the accounts' measurements, for the same reason. */
  measuredAt: number
}

/** What a relay said of itself. Load in percent, throughput in Mbit/s; `at` is ms since 1970, the relay's own clock. */
export type Heartbeat = {
  loadPercent: number
  activeUploads: number
  throughputMbps: number
  version: string
  at: number
}

/** All that Redis knows of paths, by path id; empty maps when it knows nothing or is away. */
export type Standing = {
  own: Map<string, OwnMeasurement>
  /** Among clients of the caller's region. */
  regional: Map<string, SharedMeasurement>
  /** Among all. */
  shared: Map<string, SharedMeasurement>
  heartbeats: Map<string, Heartbeat>
}

export const NOTHING_KNOWN: Standing = {
  own: new Map(),
  regional: new Map(),
  shared: new Map(),
  heartbeats: new Map(),
}

/** Whose standing is asked for; the region follows from the position (`regionOf`). */
export type Viewer = { accountId: string; position: Position | null }
