import type { OwnMeasurement, SharedMeasurement, Standing } from './measurement.ts'
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
/** Logarithms need something above zero. */
const THROUGHPUT_MBPS_MIN = 0.001
const SHARE_MIN = 0.001

/** What is known beside distance; `now` in ms since 1970, `measurements` round trips in ms by path id. */
export type Known = { standing: Standing; measurements: ReadonlyMap<string, number>; now: number }

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

/** What was seen of one path, and how much each counts, 0 to 1. */
type Evidence = {
  own: OwnMeasurement | undefined
  ownWeight: number
  regional: SharedMeasurement | undefined
  regionalWeight: number
  shared: SharedMeasurement | undefined
  sharedWeight: number
}

/**
 * What to expect of a path. What the client just measured counts before what its account saw, that before what others in
 * its region saw, that before what all others saw, and that before the prior; each leaves to the next what its age (half
 * after 6 hours) and the number of its accounts (in full from 5 on) take from it.
 */
export function estimatePath(id: string, distanceKm: number | null, known: Known): Estimate {
  const evidence = evidenceOf(id, known)
  const { own, ownWeight, regional, shared } = evidence
  const measured = known.measurements.get(id)
  const latencyMs = measured ?? latencyOf(distanceKm, evidence)

  const among = mix(ERROR_RATE, shared?.errorRate, evidence.sharedWeight)
  const near = mix(among, regional?.errorRate, evidence.regionalWeight)
  return {
    distanceKm,
    latencyMs,
    throughputMbps: throughputOf(latencyMs, evidence),
    loadPercent: freshLoadPercent(id, known) ?? LOAD_PERCENT,
    errorRate: mix(near, own?.errorRate, ownWeight),
    measuredAt: measured === undefined ? newest(own, regional, shared) : known.now,
  }
}

/** The load a relay gave in the last 3 minutes, in percent, or null. */
export function freshLoadPercent(id: string, { standing, now }: Known): number | null {
  const heartbeat = standing.heartbeats.get(id)
  if (heartbeat === undefined || now - heartbeat.at > HEARTBEAT_MS_MAX) return null
  return Math.min(100, Math.max(0, heartbeat.loadPercent))
}

function evidenceOf(id: string, { standing, now }: Known): Evidence {
  const own = standing.own.get(id)
  const regional = standing.regional.get(id)
  const shared = standing.shared.get(id)
  return {
    own,
    ownWeight: own ? decay(now - own.measuredAt) : 0,
    regional,
    regionalWeight: sharedWeight(regional, now),
    shared,
    sharedWeight: sharedWeight(shared, now),
  }
}

function sharedWeight(measurement: SharedMeasurement | undefined, now: number): number {
  if (measurement === undefined) return 0
  const { accounts, measuredAt } = measurement
  return decay(now - measuredAt) * Math.min(1, accounts / ACCOUNTS_IN_FULL)
}

function decay(ageMs: number): number {
  return Math.exp(-DECAY_PER_MS * Math.max(0, ageMs))
}

function latencyOf(distanceKm: number | null, evidence: Evidence): number {
  const { own, ownWeight, regional, regionalWeight } = evidence
  const near = mix(impliedLatencyMs(distanceKm), regional?.latencyMs, regionalWeight)
  return mix(near, own?.latencyMs, ownWeight)
}

function throughputOf(latencyMs: number, evidence: Evidence): number {
  const { own, ownWeight, regional, regionalWeight, shared, sharedWeight } = evidence
  const among = mixRatios(UNTRIED_SHARE, shared?.relativeThroughput, sharedWeight)
  const near = mixRatios(among, regional?.relativeThroughput, regionalWeight)
  const prior = impliedThroughputMbps(latencyMs) * near
  if (own === undefined || own.throughputMbps === null) return prior
  return mixLogarithms(prior, Math.max(THROUGHPUT_MBPS_MIN, own.throughputMbps), ownWeight)
}

function mixRatios(prior: number, value: number | null | undefined, weight: number): number {
  if (value === null || value === undefined) return prior
  return mixLogarithms(prior, Math.max(SHARE_MIN, value), weight)
}

/** Rates differ by factors: half-way between 1 and 100 is 10. */
function mixLogarithms(prior: number, value: number, weight: number): number {
  return prior * Math.exp(weight * Math.log(value / prior))
}

function mix(prior: number, value: number | null | undefined, weight: number): number {
  return value === null || value === undefined ? prior : prior + (value - prior) * weight
}

function newest(...measurements: ({ measuredAt: number } | undefined)[]): number | null {
  let latest: number | null = null
  for (const one of measurements) {
    if (one !== undefined && (latest === null || one.measuredAt > latest)) latest = one.measuredAt
  }
  return latest
}
