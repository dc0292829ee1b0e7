import fc from 'fast-check'
import { expect, test } from 'vitest'
import { distanceKm, type Position } from '../../../lib/edges/distance.ts'
import type {
  Heartbeat,
  OwnMeasurement,
  SharedMeasurement,
} from '../../../lib/edges/measurement.ts'
import { type RankedPath, type RankInput, rankPaths } from '../../../lib/edges/rank.ts'
import { HOUR, idsOf, MINUTE, NOW } from './a-ranking.ts'

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true })
const positions: fc.Arbitrary<Position> = fc.record({
  lat: number(-85, 85),
  lng: number(-180, 180),
})
const ids = fc.constantFrom('a', 'b', 'c', 'd', 'direct', 'e', 'f', 'g', 'h')
const times = number(0, 48 * HOUR).map((age) => NOW - age)
const mapOf = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<Map<string, T>> =>
  fc.array(fc.tuple(ids, of)).map((pairs) => new Map(pairs))

const owns: fc.Arbitrary<OwnMeasurement> = fc.record({
  throughputMbps: fc.option(number(0.01, 500)),
  latencyMs: fc.option(number(1, 500)),
  errorRate: number(0, 1),
  failuresInRow: fc.constantFrom(0, 0, 0, 3),
  failedAt: fc.option(times),
  measuredAt: times,
})
const shares: fc.Arbitrary<SharedMeasurement> = fc.record({
  relativeThroughput: fc.option(number(0, 1)),
  latencyMs: fc.option(number(1, 500)),
  errorRate: number(0, 1),
  accounts: fc.integer({ min: 3, max: 9 }),
  failingAccounts: fc.constantFrom(0, 0, 0, 3),
  failedAt: fc.option(times),
  measuredAt: times,
})
const heartbeats: fc.Arbitrary<Heartbeat> = fc.record({
  loadPercent: number(0, 100),
  activeUploads: fc.constant(1),
  throughputMbps: fc.constant(100),
  version: fc.constant('1'),
  at: number(0, 5 * MINUTE).map((age) => NOW - age),
})
const edges = fc
  .uniqueArray(fc.tuple(ids, positions), { selector: ([id]) => id, minLength: 1 })
  .map((pairs) =>
    pairs
      .filter(([id]) => id !== 'direct')
      .map(([id, at]) => ({
        id,
        url: `https://${id}`,
        city: id,
        country: 'XX',
        ...at,
        seenAt: NOW - HOUR,
      })),
  )
const inputs: fc.Arbitrary<RankInput> = fc.record({
  edges,
  direct: fc.record({ url: fc.constant('https://store'), position: fc.option(positions) }),
  standing: fc.record({
    own: mapOf(owns),
    regional: mapOf(shares),
    shared: mapOf(shares),
    heartbeats: mapOf(heartbeats),
  }),
  position: fc.option(positions, { freq: 9 }),
  priority: fc.constantFrom('speed', 'cost', 'balanced'),
  measurements: mapOf(number(1, 500)),
  now: fc.constant(NOW),
})

/** The same input with one path a little better in one way; the path's id says which. */
type Better = (input: RankInput, id: string, by: number) => RankInput

const closer: Better = (input, id, by) => {
  const { position } = input
  if (!position) return input
  const nearer = <T extends Position>(from: T): T => {
    const moved = {
      ...from,
      lat: from.lat + (position.lat - from.lat) * by,
      lng: from.lng + (position.lng - from.lng) * by,
    }
    return distanceKm(position, moved) < distanceKm(position, from) ? moved : from
  }
  if (id === 'direct')
    return {
      ...input,
      direct: { ...input.direct, position: input.direct.position && nearer(input.direct.position) },
    }
  return { ...input, edges: input.edges.map((edge) => (edge.id === id ? nearer(edge) : edge)) }
}
const lowerLatency: Better = (input, id, by) => ({
  ...withOwn(input, id, (one) => ({
    ...one,
    latencyMs: one.latencyMs === null ? null : one.latencyMs * (1 - by),
  })),
  measurements: changed(input.measurements, id, (ms) => (ms === null ? null : ms * (1 - by))),
})
const faster: Better = (input, id, by) =>
  withOwn(input, id, (one) => ({
    ...one,
    throughputMbps: one.throughputMbps === null ? null : one.throughputMbps * (1 + 9 * by),
  }))
const fasterForOthers: Better = (input, id, by) => {
  const raise = (one: SharedMeasurement) => ({
    ...one,
    relativeThroughput:
      one.relativeThroughput === null ? null : Math.min(1, one.relativeThroughput * (1 + by)),
  })
  const { regional, shared } = input.standing
  const standing = {
    ...input.standing,
    regional: changed(regional, id, raise),
    shared: changed(shared, id, raise),
  }
  return { ...input, standing }
}
const idler: Better = (input, id, by) => {
  const lower = (one: Heartbeat) => ({ ...one, loadPercent: one.loadPercent * (1 - by) })
  return {
    ...input,
    standing: { ...input.standing, heartbeats: changed(input.standing.heartbeats, id, lower) },
  }
}
const moreReliable: Better = (input, id, by) => {
  const lower = <T extends { errorRate: number }>(one: T): T => ({
    ...one,
    errorRate: one.errorRate * (1 - by),
  })
  const { own, regional, shared } = input.standing
  const standing = {
    ...input.standing,
    own: changed(own, id, lower),
    regional: changed(regional, id, lower),
    shared: changed(shared, id, lower),
  }
  return { ...input, standing }
}

function changed<T>(
  map: ReadonlyMap<string, T>,
  id: string,
  change: (one: T) => T,
): Map<string, T> {
  return new Map([...map].map(([key, one]) => [key, key === id ? change(one) : one]))
}

function withOwn(
  input: RankInput,
  id: string,
  change: (one: OwnMeasurement) => OwnMeasurement,
): RankInput {
  return { ...input, standing: { ...input.standing, own: changed(input.standing.own, id, change) } }
}

function placeOf(paths: RankedPath[], id: string): number {
  const place = paths.findIndex((path) => path.id === id)
  return place === -1 ? paths.length : place
}

test.each([
  ['closer', closer],
  ['of lower latency', lowerLatency],
  ['faster', faster],
  ['faster for others', fasterForOthers],
  ['idler', idler],
  ['more reliable', moreReliable],
])('a path that is %s never scores less nor stands further back', (_, better) => {
  fc.assert(
    fc.property(inputs, ids, number(0, 1), (input, id, by) => {
      const before = rankPaths(input)
      const after = rankPaths(better(input, id, by))
      const score = (paths: RankedPath[]) => paths.find((path) => path.id === id)?.score ?? 0
      expect(score(after)).toBeGreaterThanOrEqual(score(before) - 1e-12)
      expect(placeOf(after, id)).toBeLessThanOrEqual(placeOf(before, id))
    }),
    { numRuns: 400 },
  )
})

test('a ranking has up to five relays and direct, best first, with weights that add up to 1', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const paths = rankPaths(input)
      expect(paths.length).toBeLessThanOrEqual(6)
      expect(new Set(idsOf(paths)).size).toBe(paths.length)
      expect(idsOf(paths)).toContain('direct')
      for (const [index, path] of paths.entries()) {
        expect(path.score).toBeGreaterThanOrEqual(paths[index + 1]?.score ?? 0)
        expect(path.score).toBeLessThanOrEqual(1)
        expect(path.weight).toBeGreaterThanOrEqual(0)
      }
      expect(paths.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9)
    }),
  )
})

test('the same input gives the same answer, whatever the order of the edges', () => {
  fc.assert(
    fc.property(inputs, fc.nat(), (input, seed) => {
      const turned = [
        ...input.edges.slice(seed % input.edges.length || 0),
        ...input.edges.slice(0, seed % input.edges.length || 0),
      ]
      expect(rankPaths({ ...input, edges: turned.reverse() })).toEqual(rankPaths(input))
      expect(rankPaths(input)).toEqual(rankPaths(input))
    }),
  )
})

test('no path that the account did not try is expected to carry more than those it tried lately', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const own = new Map(
        [...input.standing.own].map(([id, one]) => [id, { ...one, measuredAt: NOW }]),
      )
      const tried = [...own].filter(([, { throughputMbps }]) => throughputMbps !== null)
      fc.pre(tried.length > 0)
      const best = Math.max(...tried.map(([, { throughputMbps }]) => throughputMbps ?? 0))
      for (const path of rankPaths({ ...input, standing: { ...input.standing, own } })) {
        expect(path.throughputMbps).toBeLessThanOrEqual(best * (1 + 1e-9))
      }
    }),
  )
})
