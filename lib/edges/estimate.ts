import type { SharedMeasurement, Standing } from './measurement.ts'
import {
  ERROR_RATE,
  impliedLatencyMs,
  impliedThroughputMbps,
  LOAD_PERCENT,
  UNTRIED_SHARE,
} from './prior.ts'

/** A measurement this old counts half, and what it would be without it the other half. */
const HALF_LIFE_MS = 6 * 3600 * 1000
const DECAY_PER_MS = Math.LN2 / HALF_LIFE_MS
/** What several accounts saw counts in full from this many on, so none of them has more than a fifth. */
const ACCOUNTS_IN_FULL = 5
/** How long a relay's word about its load counts. */
const HEARTBEAT_MS_MAX = 3 * 60 * 1000
/** A rate of nothing is taken as this, for its logarithm. */
const RATE_MIN = 0.001
const NEVER = Number.NEGATIVE_INFINITY

/** What is known beside distance; `now` in ms since 1970, `measurements` round trips in ms by path id. */
export type Known = {
  standing: Standing
  /** Null: the client could not reach it. */
  measurements: ReadonlyMap<string, number | null>
  now: number
}

/** What is expected of a path now. */
export type Estimate = {
  /** Null where the client's place is not known. */
  distanceKm: number | null
  latencyMs: number
  /** Goodput of one connection in Mbit/s. */
  throughputMbps: number
  loadPercent: number
  /** 0 to 1. */
  errorRate: number
  /** Time of the newest measurement in ms since 1970; null when nobody measured. */
  measuredAt: number | null
}

/**
 * What to expect of a path. What the client just measured counts before what its account saw, that before what others in
 * its region saw, that before what all others saw, and that before the prior; each leaves to the next what its age (half
 * after 6 hours) and the number of its accounts (in full from 5 on) take from it. Round trips of others count only within
 * the region, and of throughput others only say which share of what its round trip allows a path reaches.
 */
export function estimatePath(id: string, distanceKm: number | null, known: Known): Estimate {
  const { standing, measurements, now } = known
  const measured = measurements.get(id) ?? undefined
  const own = standing.own.get(id)
  const regional = standing.regional.get(id)
  const shared = standing.shared.get(id)
  const ofOwn = own ? decay(now - own.measuredAt) : 0
  const ofRegional = sharedWeight(regional, now)
  const ofShared = sharedWeight(shared, now)

  const nearMs = mix(impliedLatencyMs(distanceKm), regional?.latencyMs, ofRegional)
  const latencyMs = measured ?? mix(nearMs, own?.latencyMs, ofOwn)
  const anyShare = mixRates(UNTRIED_SHARE, shared?.relativeThroughput, ofShared)
  const share = Math.min(1, mixRates(anyShare, regional?.relativeThroughput, ofRegional))
  const prior = impliedThroughputMbps(latencyMs) * share
  const anyErrors = mix(ERROR_RATE, shared?.errorRate, ofShared)
  const errors = mix(anyErrors, regional?.errorRate, ofRegional)
  return {
    distanceKm,
    latencyMs,
    throughputMbps: mixRates(prior, own?.throughputMbps, ofOwn),
    loadPercent: freshLoadPercent(id, known) ?? LOAD_PERCENT,
    errorRate: mix(errors, own?.errorRate, ofOwn),
    measuredAt: measured === undefined ? newest(own, regional, shared) : now,
  }
}

/**
 * More than can be expected at this distance of a path that neither the client, nor its account, nor its region
 * measured: others may say at best that it is idle, never fails, and is the fastest they have.
 */
export function bestCase(distanceKm: number | null): Estimate {
  const latencyMs = impliedLatencyMs(distanceKm)
  const throughputMbps = impliedThroughputMbps(latencyMs)
  return { distanceKm, latencyMs, throughputMbps, loadPercent: 0, errorRate: 0, measuredAt: null }
}

/** The load a relay gave in the last 3 minutes, in percent, or null. */
export function freshLoadPercent(
  id: string,
  { standing, now }: { standing: Pick<Standing, 'heartbeats'>; now: number },
): number | null {
  const heartbeat = standing.heartbeats.get(id)
  if (heartbeat === undefined || now - heartbeat.at > HEARTBEAT_MS_MAX) return null
  return Math.min(100, Math.max(0, heartbeat.loadPercent))
}

function sharedWeight(measurement: SharedMeasurement | undefined, now: number): number {
  if (measurement === undefined) return 0
  const { accounts, measuredAt } = measurement
  return decay(now - measuredAt) * Math.min(1, accounts / ACCOUNTS_IN_FULL)
}

function decay(ageMs: number): number {
  return Math.exp(-DECAY_PER_MS * Math.max(0, ageMs))
}

function mix(prior: number, value: number | null | undefined, weight: number): number {
  return value === null || value === undefined ? prior : prior + (value - prior) * weight
}

/** Rates differ by factors, so half-way between 1 and 100 is 10. */
function mixRates(prior: number, value: number | null | undefined, weight: number): number {
  if (value === null || value === undefined) return prior
  return prior * Math.exp(weight * Math.log(Math.max(RATE_MIN, value) / prior))
}

type Dated = { measuredAt: number } | undefined

function newest(own: Dated, regional: Dated, shared: Dated): number | null {
  const others = Math.max(regional?.measuredAt ?? NEVER, shared?.measuredAt ?? NEVER)
  const latest = Math.max(own?.measuredAt ?? NEVER, others)
  return latest === NEVER ? null : latest
}
