import { expect, test } from 'vitest'
import { impliedLatencyMs } from '../../../lib/edges/prior.ts'
import { roundedPath } from '../../../lib/edges/rounded-path.ts'
import {
  at,
  HOUR,
  idsOf,
  MINUTE,
  NOW,
  pathOf,
  ranked,
  standing,
  TWENTY,
  VIRGINIA,
} from './a-ranking.ts'

const store = (position: { lat: number; lng: number } | null) => ({
  url: 'https://store',
  position,
})
/** Relays that differ in nothing but their id. */
const twins = (...ids: string[]) =>
  ids.map((id) => ({
    ...at('ams-1'),
    id,
    url: `https://${id}`,
    city: id,
    country: 'NL',
    seenAt: NOW,
  }))

test('a path nobody measured loses a tie to one that was', () => {
  const asImplied = { latencyMs: impliedLatencyMs(0), errorRate: 0.01 }
  const known = standing({ own: { b: asImplied } })
  const paths = ranked({ edges: twins('a', 'b', 'c'), position: at('ams-1'), standing: known })
  expect(pathOf(paths, 'b').score).toBe(pathOf(paths, 'a').score)
  expect(idsOf(paths)).toEqual(['b', 'a', 'c', 'direct'])
})

test('a relay that the client could not reach is left out, and direct is last if that is so', () => {
  const near = ranked({ measurements: new Map([['lon-1', null]]) })
  expect(idsOf(near)).not.toContain('lon-1')
  expect(near).toHaveLength(6)
  // Beside the store, where direct would be first.
  const place = { position: VIRGINIA, edges: twins('ams-1') }
  expect(idsOf(ranked(place))).toEqual(['direct', 'ams-1'])
  const far = ranked({ ...place, measurements: new Map([['direct', null]]) })
  expect(far).toMatchObject([
    { id: 'ams-1', weight: 1 },
    { id: 'direct', weight: 0, source: 'estimated' },
  ])
})

test('direct alone is offered, whether the client reached it or not', () => {
  const paths = ranked({ edges: [], measurements: new Map([['direct', null]]) })
  expect(paths).toMatchObject([{ id: 'direct', weight: 1 }])
})

test('a path nobody measured does no better than an honest peer beside it', () => {
  const honest = { latencyMs: 14, throughputMbps: 35, errorRate: 0.002 }
  const known = standing({ own: { b: honest }, loads: { b: 30 } })
  expect(idsOf(ranked({ edges: twins('a', 'b'), standing: known }))[0]).toBe('b')
  const among = standing({
    regional: { b: { latencyMs: 14, relativeThroughput: 0.6 } },
    loads: { b: 30 },
  })
  expect(idsOf(ranked({ edges: twins('a', 'b'), standing: among }))[0]).toBe('b')
})

test('on a slow line what was measured does not look worse than what was never tried', () => {
  const slow = { throughputMbps: 0.8 }
  const own = { 'lon-1': slow, 'par-1': slow, direct: { throughputMbps: 0.3 } }
  const paths = ranked({ standing: standing({ own }) })
  expect(paths[0]?.id).toBe('lon-1')
  for (const { throughputMbps } of paths) expect(throughputMbps).toBeLessThanOrEqual(0.8 + 1e-9)
})

test('what a line carried long ago does not count beside what it carries now', () => {
  const own = {
    'lon-1': { throughputMbps: 2 },
    'sfo-1': { throughputMbps: 90, measuredAt: NOW - 31 * MINUTE },
  }
  expect(pathOf(ranked({ standing: standing({ own }) }), 'par-1').throughputMbps).toBeCloseTo(2)
  const together = { ...own, 'sfo-1': { throughputMbps: 90, measuredAt: NOW - 29 * MINUTE } }
  const faster = pathOf(ranked({ standing: standing({ own: together }) }), 'par-1')
  expect(faster.throughputMbps).toBeGreaterThan(2)
})

test('a relay that is not offered any more still says what the line carries', () => {
  const own = { 'gone-1': { throughputMbps: 2 } }
  expect(pathOf(ranked({ standing: standing({ own }) }), 'lon-1').throughputMbps).toBeCloseTo(2)
})

test.each([
  ['the client', { measurements: new Map([['syd-1', 3]]) }],
  [
    'its account',
    { standing: standing({ own: { 'syd-1': { latencyMs: 3, throughputMbps: 90 } } }) },
  ],
  [
    'its region',
    { standing: standing({ regional: { 'syd-1': { latencyMs: 3, relativeThroughput: 1 } } }) },
  ],
])('a relay that is far by the map and near by what %s measured is among the five', (_, known) => {
  expect(idsOf(ranked(known))).toContain('syd-1')
})

test('an old measurement leaves room for better, for the paths it was taken on and all others alike', () => {
  const own = { 'lon-1': { throughputMbps: 5, measuredAt: NOW - 6 * HOUR } }
  const paths = ranked({ standing: standing({ own }) })
  const { throughputMbps } = pathOf(paths, 'lon-1')
  expect(throughputMbps).toBeGreaterThan(10)
  expect(pathOf(paths, 'par-1').throughputMbps).toBe(throughputMbps)
})

test('direct stands first where the store is nearer than any relay, and as near as one', () => {
  expect(ranked({ position: at('nyc-1'), direct: store(at('nyc-1')) })[0]?.id).toBe('direct')
  const leeds = { lat: 53.8, lng: -1.55 }
  expect(ranked({ position: leeds, direct: store(leeds) })[0]?.id).toBe('direct')
  const beside = ranked({ edges: twins('a'), direct: store(at('ams-1')) })
  expect(idsOf(beside)).toEqual(['direct', 'a'])
  expect(ranked()[0]?.id).toBe('lon-1')
})

test('direct does not lose to the best relay by its load, which nobody knows', () => {
  const loads = { 'lon-1': 5, 'par-1': 5 }
  const paths = ranked({ direct: store(at('lon-1')), standing: standing({ loads }) })
  expect(paths[0]).toMatchObject({ id: 'direct', loadPercent: null })
})

test('direct goes by its own measurements, under its own id', () => {
  const own = {
    direct: { latencyMs: 5, throughputMbps: 80 },
    'lon-1': { latencyMs: 90, throughputMbps: 3 },
  }
  const paths = ranked({ standing: standing({ own }), priority: 'speed' })
  expect(pathOf(paths, 'direct')).toMatchObject({ source: 'measured', city: null, country: null })
  const { score } = pathOf(paths, 'direct')
  expect(score).toBeGreaterThan(pathOf(ranked({ priority: 'speed' }), 'direct').score)
  expect(score).toBeGreaterThan(pathOf(paths, 'lon-1').score)
})

test('a store that may be anywhere is taken to be far, and its distance is not made up', () => {
  const direct = pathOf(ranked({ direct: store(null) }), 'direct')
  expect(direct.distanceKm).toBeNull()
  expect(direct.latencyMs).toBeCloseTo(impliedLatencyMs(10_000))
  expect(direct.score).toBeLessThan(pathOf(ranked(), 'direct').score)
})

test('without the place of the client no path has a distance, and what was measured decides', () => {
  const own = { 'syd-1': { latencyMs: 20, throughputMbps: 30 } }
  const paths = ranked({ position: null, standing: standing({ own }) })
  expect(paths[0]?.id).toBe('syd-1')
  for (const { distanceKm } of paths) expect(distanceKm).toBeNull()
  expect(pathOf(paths, 'syd-1').score).toBeCloseTo(
    (0.3 * (50 / 70) + 0.2 * 0.5 + 0.15 * (30 / 40) + 0.05) / 0.7,
  )
  const scores = paths.slice(1).map(({ score }) => score)
  expect(new Set(scores).size).toBe(1)
})

test('weights follow what a path is expected to get through', () => {
  const own = {
    'lon-1': { throughputMbps: 40, errorRate: 0 },
    'par-1': { throughputMbps: 20, errorRate: 0.5 },
  }
  const paths = ranked({ standing: standing({ own, loads: { 'lon-1': 0, 'par-1': 20 } }) })
  const { weight } = pathOf(paths, 'par-1')
  expect(pathOf(paths, 'lon-1').weight / weight).toBeCloseTo(40 / (20 * 0.5 * 0.8))
})

test('where nothing is expected of any path, all have the same weight', () => {
  const own = { direct: { errorRate: 1 } }
  const loads = { a: 100 }
  const paths = ranked({ edges: twins('a'), standing: standing({ own, loads }) })
  expect(paths.map(({ weight }) => weight)).toEqual([0.5, 0.5])
})

test('an answer says what was measured and how old it is', () => {
  const own = { 'lon-1': { latencyMs: 12, measuredAt: NOW - 2 * HOUR } }
  const measurements = new Map([['par-1', 9]])
  const paths = ranked({ standing: standing({ own }), measurements })
  expect(pathOf(paths, 'lon-1')).toMatchObject({ source: 'measured', ageSeconds: 7200 })
  expect(pathOf(paths, 'par-1')).toMatchObject({ source: 'measured', ageSeconds: 0, latencyMs: 9 })
  expect(pathOf(paths, 'fra-1')).toMatchObject({ source: 'estimated', ageSeconds: null })
})

test('an edge that nobody watches is not preferred to its peers for that', () => {
  const loads = Object.fromEntries(TWENTY.map(({ id }) => [id, 30]))
  const { 'syd-1': _, ...watched } = loads
  const own = Object.fromEntries(TWENTY.map(({ id }) => [id, { errorRate: 0.01 }]))
  const { 'syd-1': __, ...tried } = own
  const position = { lat: -27.5, lng: 153 }
  const blind = pathOf(
    ranked({ position, standing: standing({ own: tried, loads: watched }) }),
    'syd-1',
  )
  const seen = pathOf(ranked({ position, standing: standing({ own, loads }) }), 'syd-1')
  expect(blind.score).toBeLessThan(seen.score)
})

test('figures are rounded only where they are answered', () => {
  const path = roundedPath(pathOf(ranked({ position: VIRGINIA }), 'nyc-1'))
  expect(path).toMatchObject({ distanceKm: 353, latencyMs: 15.4, throughputMbps: 23.1 })
  expect(path.score).toBe(Number(path.score.toFixed(4)))
})

test('a store nearby needs no relay, unless one is known to carry clearly more', () => {
  const position = at('ams-1')
  const near = { edges: twins('a', 'b'), position, direct: store(at('fra-1')) }
  expect(idsOf(ranked(near))[0]).toBe('direct')

  const more = { own: { a: { throughputMbps: 100 }, direct: { throughputMbps: 20 } } }
  expect(idsOf(ranked({ ...near, standing: standing(more) }))[0]).toBe('a')
  const alike = { own: { a: { throughputMbps: 60 }, direct: { throughputMbps: 30 } } }
  expect(idsOf(ranked({ ...near, standing: standing(alike) }))[0]).toBe('direct')

  const far = { ...near, direct: store(VIRGINIA) }
  expect(idsOf(ranked(far))[0]).toBe('a')
  const cut = { ...near, measurements: new Map([['direct', null]]) }
  expect(pathOf(ranked(cut), 'direct').score).toBeLessThan(pathOf(ranked(cut), 'a').score)
  // Nobody said where it is.
  expect(idsOf(ranked({ ...near, direct: store(null) }))[0]).toBe('a')
})
