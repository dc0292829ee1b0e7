import type { Edge } from '../../lib/edges/catalogue.ts'
import {
  type Heartbeat,
  NOTHING_KNOWN,
  type OwnMeasurement,
  type SharedMeasurement,
  type Standing,
} from '../../lib/edges/measurement.ts'
import { type RankInput, rankPaths } from '../../lib/edges/rank.ts'

const EDGES = 20_000
const TRIED = 40
const RUNS = 200
const LONDON = { lat: 51.5, lng: -0.1 }
const NOW = Date.UTC(2026, 0, 1)

/** `least` is what the work takes; the median shows what else the machine does. */
type Row = { known: string; edges: number; 'least ms': number; 'median ms': number; target: string }

/** Ranking 20,000 edges: with nothing known of them, and with as much as there can be for one account. */
export function benchRanking(): Row[] {
  const edges = Array.from({ length: EDGES }, (_, index) => madeUpEdge(index))
  const much = standingOf(edges)
  const allOfAll = "heartbeats and others' figures of all, own and the region's of 40"
  return [
    measure('nothing', { edges, standing: NOTHING_KNOWN, position: LONDON }),
    measure('nothing, nor where the client is', { edges, standing: NOTHING_KNOWN, position: null }),
    measure(allOfAll, { edges, standing: much, position: LONDON }),
  ]
}

function measure(known: string, some: Pick<RankInput, 'edges' | 'standing' | 'position'>): Row {
  const input: RankInput = {
    ...some,
    direct: { url: 'https://store.example', position: { lat: 39, lng: -77 } },
    priority: 'balanced',
    measurements: new Map(),
    now: NOW,
  }
  const times = Array.from({ length: RUNS }, () => {
    const begun = performance.now()
    rankPaths(input)
    return performance.now() - begun
  }).sort((a, b) => a - b)
  const at = (share: number) => Math.round((times[Math.floor(share * RUNS)] ?? 0) * 100) / 100
  return { known, edges: EDGES, 'least ms': at(0), 'median ms': at(0.5), target: 'under 5' }
}

/** Spread over the globe by multiples of irrational numbers: the same in every run, and nowhere in line. */
function madeUpEdge(index: number): Edge {
  return {
    id: `edge-${index}`,
    url: `https://edge-${index}.example`,
    city: 'Nowhere',
    country: 'XX',
    lat: ((index * Math.SQRT2) % 1) * 180 - 90,
    lng: ((index * Math.E) % 1) * 360 - 180,
    seenAt: NOW,
  }
}

function standingOf(edges: Edge[]): Standing {
  const tried = edges.slice(0, TRIED)
  return {
    own: new Map(tried.map(({ id }, index) => [id, ownMeasurement(index)])),
    regional: new Map(tried.map(({ id }, index) => [id, sharedMeasurement(index)])),
    shared: new Map(edges.map(({ id }, index) => [id, sharedMeasurement(index)])),
    heartbeats: new Map(edges.map(({ id }, index) => [id, heartbeat(index)])),
  }
}

function ownMeasurement(index: number): OwnMeasurement {
  return {
    throughputMbps: 5 + (index % 90),
    latencyMs: 10 + (index % 200),
    errorRate: (index % 5) / 100,
    failuresInRow: index % 3,
    failedAt: null,
    measuredAt: NOW - index * 100,
  }
}

function sharedMeasurement(index: number): SharedMeasurement {
  return {
    relativeThroughput: 0.3 + (index % 7) / 10,
    latencyMs: 10 + (index % 200),
    errorRate: (index % 5) / 100,
    accounts: 3 + (index % 4),
    failingAccounts: 0,
    failedAt: null,
    measuredAt: NOW - index * 100,
  }
}

function heartbeat(index: number): Heartbeat {
  return { loadPercent: index % 100, activeUploads: 3, throughputMbps: 500, version: '1', at: NOW }
}
