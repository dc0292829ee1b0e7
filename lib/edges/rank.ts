import { isBroken } from './breaker.ts'
import type { Edge } from './catalogue.ts'
import { distanceFrom, distanceKm, type Position } from './distance.ts'
import { bestCase, type Estimate, estimatePath, freshLoadPercent } from './estimate.ts'
import { lineMbps } from './line.ts'
import { DIRECT, type Standing } from './measurement.ts'
import { LOAD_PERCENT, UNKNOWN_KM } from './prior.ts'
import { type Priority, scoreOf, type Weights, weightsOf } from './score.ts'
import { byPlace, insertByPlace, type Scored } from './select.ts'

export type { Priority } from './score.ts'

const RELAYS_MAX = 5
/**
 * A store this near, as a round trip in ms, fills the line with the connections there are, and a relay would only be one more host in the
 * way (measured, docs/benchmarks.md): unless one connection there is known to carry so many times more, which is more than a shorter
 * round trip explains.
 */
const STORE_NEAR_MS = 40
const CLEARLY_MORE = 3
/** Survives the rounding of scores. */
const AHEAD = 0.001

export type RankInput = {
  edges: Edge[]
  /** The store's own address, and where it is if that is known. */
  direct: { url: string; position: Position | null }
  standing: Standing
  /** Where the client is. */
  position: Position | null
  priority: Priority
  /**
   * Round trips in ms that the client measured itself, by path id; they count before anything else. Null: it could not reach
   * the path.
   */
  measurements: ReadonlyMap<string, number | null>
  /** ms since 1970 */
  now: number
}

/** A path with its place. Null is unknown; `source` is `measured` where any of it was. */
export type RankedPath = {
  id: string
  url: string
  alternateUrls?: string[]
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

/**
 * Up to five relays and `direct`, best first; none that a breaker holds back or the client could not reach, and `direct` last
 * if it could not reach that. Pure: the same input gives the same answer, whatever the order of the edges. Figures are not
 * rounded.
 */
export function rankPaths(input: RankInput): RankedPath[] {
  const weights = weightsOf(input.priority, input.position !== null)
  const distanceTo = input.position ? distanceFrom(input.position) : () => null
  const directKm = assumedDirectKm(input)
  const limitMbps = lineMbps(input, { edges: input.edges, distanceTo, directKm })

  const best: Scored[] = []
  for (const edge of input.edges) {
    const km = distanceTo(edge)
    // Of thousands, nearly all are too far, whatever may be known of them.
    const floor = best[RELAYS_MAX - 1]?.score ?? 0
    if (!isTried(edge.id, input) && scoreOf(bestCase(km), weights) < floor) continue
    if (isLeftOut(edge, input)) continue
    const estimate = limited(estimatePath(edge.id, km, input), limitMbps)
    const scored = { path: edge, estimate, score: scoreOf(estimate, weights) }
    insertByPlace(best, scored, RELAYS_MAX)
  }
  const direct = limited(estimatePath(DIRECT, directKm, input), limitMbps)
  // The store says nothing of its load. Taken to be as idle as the best relay, it does not lose to that one by load.
  direct.loadPercent = Math.min(direct.loadPercent, best[0]?.estimate.loadPercent ?? LOAD_PERCENT)
  const path = { id: DIRECT, url: input.direct.url, city: null, country: null }
  best.push({ path, estimate: direct, score: directScore(direct, best[0], { input, weights }) })
  return describe(isUnreachable(DIRECT, input) ? best : best.sort(byPlace), input)
}

function directScore(
  direct: Estimate,
  best: Scored | undefined,
  { input, weights }: { input: RankInput; weights: Weights },
): number {
  const score = scoreOf(direct, weights)
  return best && needsNoRelay(direct, best, input) ? Math.max(score, best.score + AHEAD) : score
}

function needsNoRelay(direct: Estimate, best: Scored, input: RankInput): boolean {
  const { standing } = input
  if (isUnreachable(DIRECT, input)) return false
  if (direct.latencyMs > STORE_NEAR_MS || direct.distanceKm === null) return false
  const areKnown = standing.own.has(best.path.id) && standing.own.has(DIRECT)
  return !areKnown || best.estimate.throughputMbps < direct.throughputMbps * CLEARLY_MORE
}

function isLeftOut(edge: Edge, input: RankInput): boolean {
  return isUnreachable(edge.id, input) || isBroken(edge, input.standing, input.now)
}

function isUnreachable(id: string, { measurements }: RankInput): boolean {
  return measurements.get(id) === null
}

/** A store that may be anywhere is taken to be far. */
function assumedDirectKm({ position, direct }: RankInput): number | null {
  if (position === null) return null
  return direct.position === null ? UNKNOWN_KM : distanceKm(position, direct.position)
}

/** Whether the client, its account or its region measured the path, which then may be better than its distance allows. */
function isTried(id: string, { standing, measurements }: RankInput): boolean {
  return standing.own.has(id) || standing.regional.has(id) || measurements.has(id)
}

function limited(estimate: Estimate, limitMbps: number): Estimate {
  if (estimate.throughputMbps > limitMbps) estimate.throughputMbps = limitMbps
  return estimate
}

function describe(scored: Scored[], input: RankInput): RankedPath[] {
  const shares = scored.map(({ path, estimate }) =>
    isUnreachable(path.id, input) ? 0 : expectedMbps(estimate),
  )
  const sum = shares.reduce((total, share) => total + share, 0)
  return scored.map(({ path, estimate, score }, index) => ({
    id: path.id,
    url: path.url,
    alternateUrls: path.alternateUrls,
    city: path.city,
    country: path.country,
    score,
    weight: sum === 0 ? 1 / scored.length : (shares[index] ?? 0) / sum,
    distanceKm: path.id === DIRECT && !input.direct.position ? null : estimate.distanceKm,
    latencyMs: estimate.latencyMs,
    loadPercent: freshLoadPercent(path.id, input),
    throughputMbps: estimate.throughputMbps,
    errorRate: estimate.errorRate,
    ...ageOf(estimate, input.now),
  }))
}

/** What a path gets through: its throughput, less what fails and what others already take. */
function expectedMbps({ throughputMbps, errorRate, loadPercent }: Estimate): number {
  return throughputMbps * (1 - errorRate) * (1 - loadPercent / 100)
}

function ageOf({ measuredAt }: Estimate, now: number): Pick<RankedPath, 'source' | 'ageSeconds'> {
  if (measuredAt === null) return { source: 'estimated', ageSeconds: null }
  return { source: 'measured', ageSeconds: Math.max(0, (now - measuredAt) / 1000) }
}
