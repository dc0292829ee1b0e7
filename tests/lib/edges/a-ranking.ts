import { EDGES } from '../../../drizzle/catalogue.ts'
import type { Edge } from '../../../lib/edges/catalogue.ts'
import type { Position } from '../../../lib/edges/distance.ts'
import type { OwnMeasurement, SharedMeasurement, Standing } from '../../../lib/edges/measurement.ts'
import { type RankedPath, type RankInput, rankPaths } from '../../../lib/edges/rank.ts'

export const NOW = Date.UTC(2026, 0, 1)
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
/** Where AWS' us-east-1 stands, as a store might. */
export const VIRGINIA = { lat: 38.95, lng: -77.45 }

/** The 20 locations of the catalogue, each with a relay that a probe saw a minute ago. */
export const TWENTY: Edge[] = EDGES.map((edge) => ({
  ...edge,
  url: `https://${edge.id}.example`,
  seenAt: NOW - MINUTE,
}))

export function at(id: string): Position {
  const { lat, lng } = TWENTY.find((edge) => edge.id === id) ?? { lat: 0, lng: 0 }
  return { lat, lng }
}

/** What is known, by path id; what is left out is not known. */
export function standing(known: {
  own?: Record<string, Partial<OwnMeasurement>>
  regional?: Record<string, Partial<SharedMeasurement>>
  shared?: Record<string, Partial<SharedMeasurement>>
  loads?: Record<string, number>
}): Standing {
  const { own = {}, regional = {}, shared = {}, loads = {} } = known
  return {
    own: new Map(Object.entries(own).map(([id, one]) => [id, anOwn(one)])),
    regional: new Map(Object.entries(regional).map(([id, one]) => [id, aShared(one)])),
    shared: new Map(Object.entries(shared).map(([id, one]) => [id, aShared(one)])),
    heartbeats: new Map(
      Object.entries(loads).map(([id, loadPercent]) => [
        id,
        { loadPercent, activeUploads: 1, throughputMbps: 100, version: '1', at: NOW - MINUTE },
      ]),
    ),
  }
}

/** What one account saw just now; unless said otherwise only that no part failed. */
export function anOwn(some: Partial<OwnMeasurement> = {}): OwnMeasurement {
  return {
    throughputMbps: null,
    latencyMs: null,
    errorRate: 0,
    failuresInRow: 0,
    failedAt: null,
    measuredAt: NOW,
    ...some,
  }
}

/** What five accounts saw just now; unless said otherwise only that no part failed. */
export function aShared(some: Partial<SharedMeasurement> = {}): SharedMeasurement {
  return {
    relativeThroughput: null,
    latencyMs: null,
    errorRate: 0,
    accounts: 5,
    failingAccounts: 0,
    failedAt: null,
    measuredAt: NOW,
    ...some,
  }
}

/** Ranks the twenty for a client in London with a store in Virginia, unless said otherwise. */
export function ranked(some: Partial<RankInput> = {}): RankedPath[] {
  return rankPaths({
    edges: TWENTY,
    direct: { url: 'https://store.example', position: VIRGINIA },
    standing: standing({}),
    position: at('lon-1'),
    priority: 'balanced',
    measurements: new Map(),
    now: NOW,
    ...some,
  })
}

export function idsOf(paths: RankedPath[]): string[] {
  return paths.map(({ id }) => id)
}

/** A path of a ranking, which must be in it. */
export function pathOf(paths: RankedPath[], id: string): RankedPath {
  const path = paths.find((one) => one.id === id)
  if (!path) throw new Error(`${id} is not among ${idsOf(paths).join(', ')}`)
  return path
}
