import type { Edge } from './catalogue.ts'
import type { Position } from './distance.ts'
import type { Standing } from './measurement.ts'

export type Priority = 'speed' | 'cost' | 'balanced'

export type RankInput = {
  edges: Edge[]
  /** The store's own address, and where it is if that is known. */
  direct: { url: string; position: Position | null }
  standing: Standing
  /** Where the client is. */
  position: Position | null
  priority: Priority
  /** Round trips in ms that the client measured itself, by path id; they count before anything else. */
  measurements: ReadonlyMap<string, number>
  /** ms since 1970 */
  now: number
}

/** A path with its place. Null is unknown; `source` is `measured` where any of it was. */
export type RankedPath = {
  id: string
  url: string
  city: string | null
  country: string | null
  /** 0 to 1. */
  score: number
  /** Expected share of the throughput; those of one ranking add up to 1. */
  weight: number
  distanceKm: number | null
  /** Expected round trip in ms. */
  latencyMs: number
  /** Percent, from a fresh heartbeat. */
  loadPercent: number | null
  /** Expected goodput of one connection in Mbit/s. */
  throughputMbps: number
  /** Expected share of failed parts, 0 to 1. */
  errorRate: number
  source: 'measured' | 'estimated'
  /** How old the newest measurement is; null when estimated. */
  ageSeconds: number | null
}

/** Up to five relays and `direct`, best first. Pure: the same input gives the same answer. */
export function rankPaths(_input: RankInput): RankedPath[] {
  throw new Error('not there yet')
}
