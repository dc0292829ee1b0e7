import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OwnMeasurement, PathTiming } from '../../../lib/edges/measurement.ts'
import { foldTiming, isUsable, PATHS_MAX, readOwn, takeTimings } from '../../../lib/edges/own.ts'

const NOW = Date.UTC(2026, 10, 1)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const PART = 8 * 1024 * 1024

test('the first report is what is known: bits over busy time, one connection', () => {
  expect(foldTiming(null, sent({ parts: 4, bytes: 4e6, busyMs: 320, latencyMs: 9 }), NOW)).toEqual({
    throughputMbps: 100,
    latencyMs: 9,
    errorRate: 0,
    failuresInRow: 0,
    failedAt: null,
    measuredAt: NOW,
  })
})

test('a relay slowed to a tenth is below a third after one part reported a minute later, below a fifth after two', () => {
  const before = foldTiming(null, sentAt(100), NOW)
  const after = foldTiming(before, sentAt(10), NOW + MINUTE)
  expect(after.throughputMbps).toBeLessThan(33)
  expect(foldTiming(after, sentAt(10), NOW + 2 * MINUTE).throughputMbps).toBeLessThan(20)
})

test('a relay slowed to a tenth is halved by a first part five seconds later, below a fifth after four more', () => {
  const before = foldTiming(null, sentAt(100), NOW)
  const after = foldTiming(before, sentAt(10), NOW + 5000)
  expect(after.throughputMbps).toBeLessThan(55)
  expect(foldTiming(after, sentAt(10, 4), NOW + 10_000).throughputMbps).toBeLessThan(20)
})

test('many parts say more than one, and a tiny part says next to nothing', () => {
  const before = foldTiming(null, sentAt(100), NOW)
  const tiny = sent({ parts: 1, bytes: 1000, busyMs: 80 })
  expect(foldTiming(before, tiny, NOW).throughputMbps).toBeGreaterThan(99)
  expect(foldTiming(before, sentAt(10), NOW).throughputMbps).toBeCloseTo(55)
  expect(foldTiming(before, sentAt(10, 8), NOW).throughputMbps).toBeLessThan(11)
})

test('what was known yesterday gives way to the first part of today', () => {
  const before = foldTiming(null, sentAt(100), NOW)
  expect(foldTiming(before, sentAt(10), NOW + 24 * HOUR).throughputMbps).toBeCloseTo(10)
})

test('a clock that went back weighs as if no time had passed', () => {
  const before = foldTiming(null, sentAt(100), NOW)
  expect(foldTiming(before, sentAt(10), NOW - HOUR).throughputMbps).toBeCloseTo(55)
})

test('a report of nothing but a round trip leaves throughput and errors as they were', () => {
  const before = foldTiming(null, sentAt(100), NOW)
  const after = foldTiming(before, sent({ parts: 0, bytes: 0, busyMs: 0, latencyMs: 20 }), NOW)
  expect(after).toEqual({ ...before, latencyMs: 20 })
})

test('failures in a row add up over reports until a part succeeds', () => {
  const failing = sent({ parts: 0, bytes: 0, failures: 2, failuresInRow: 2 })
  const once = foldTiming(foldTiming(null, sentAt(100), NOW), failing, NOW + 1)
  expect(once).toMatchObject({ failuresInRow: 2, failedAt: NOW + 1 })
  expect(once.throughputMbps).toBeCloseTo(100)
  const twice = foldTiming(once, failing, NOW + 2)
  expect(twice).toMatchObject({ failuresInRow: 4, failedAt: NOW + 2 })
  expect(foldTiming(twice, sentAt(100), NOW + 3)).toMatchObject({
    failuresInRow: 0,
    failedAt: NOW + 2,
  })
  const mixed = sent({ parts: 3, failures: 2, failuresInRow: 1 })
  expect(foldTiming(twice, mixed, NOW + 3)).toMatchObject({ failuresInRow: 1, failedAt: NOW + 3 })
  const more = sent({ parts: 3, failures: 2, failuresInRow: 9 })
  expect(foldTiming(twice, more, NOW + 3)).toMatchObject({ failuresInRow: 2 })
})

test('one failed part is no verdict; eight are half of one, and an hour forgives half of it', () => {
  const fails = (failures: number) =>
    sent({ parts: 0, bytes: 0, failures, failuresInRow: failures })
  expect(foldTiming(null, fails(1), NOW).errorRate).toBeLessThan(0.1)
  const eight = foldTiming(null, fails(8), NOW)
  expect(eight.errorRate).toBeCloseTo(0.5)
  const nothing = sent({ parts: 0, bytes: 0, busyMs: 0 })
  expect(foldTiming(eight, nothing, NOW + HOUR).errorRate).toBeCloseTo(0.25)
})

test.each<[string, Partial<PathTiming>]>([
  ['negative bytes', { bytes: -1 }],
  ['infinite bytes', { bytes: Number.POSITIVE_INFINITY }],
  ['bytes that are no number', { bytes: Number.NaN }],
  ['negative time', { busyMs: -1 }],
  ['infinite time', { busyMs: Number.POSITIVE_INFINITY }],
  ['half a part', { parts: 0.5 }],
  ['more parts than there are', { parts: 1e9 }],
  ['negative failures', { failures: -1 }],
  ['negative failures in a row', { failuresInRow: -1 }],
  ['a key as an id', { edgeId: 'lon-1:x' }],
  ['capitals', { edgeId: 'LON-1' }],
  ['no id', { edgeId: '' }],
  ['an id of 65 characters', { edgeId: 'a'.repeat(65) }],
])('%s are not usable', (_, wrong) => {
  expect(isUsable(sent({}))).toBe(true)
  expect(isUsable(sent(wrong))).toBe(false)
})

test.each<[string, Partial<PathTiming>]>([
  ['no time at all', { busyMs: 0 }],
  ['faster than any line', { bytes: 1e15, busyMs: 1 }],
  ['no bytes', { bytes: 0 }],
])('%s is not a throughput', (_, wrong) => {
  expect(foldTiming(null, sent(wrong), NOW).throughputMbps).toBeNull()
})

test.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY, 1e6])('%d ms is not a round trip', (ms) => {
  expect(foldTiming(null, sent({ latencyMs: ms }), NOW).latencyMs).toBeNull()
})

test('whatever is reported, what is known can be stored and read again', () => {
  const any = fc
    .oneof(fc.double(), fc.nat(), fc.constantFrom(0, -1, 5e-324, 1e308, Number.MAX_SAFE_INTEGER))
    // -0, which a report may say and a store makes 0, is no other number.
    .map((value) => value + 0)
  const timing = fc.record({
    edgeId: fc.constantFrom('lon-1', 'direct'),
    parts: any,
    bytes: any,
    busyMs: any,
    failures: any,
    failuresInRow: any,
    latencyMs: fc.option(any),
  })
  fc.assert(
    fc.property(fc.array(timing, { maxLength: 20 }), (timings) => {
      const { own } = takeTimings(new Map(), timings.filter(isUsable), NOW)
      for (const one of own.values())
        expect(readOwn(JSON.parse(JSON.stringify(one)), NOW)).toEqual(one)
    }),
    { numRuns: 1000 },
  )
})

test('two reports of one path in one call count one after the other', () => {
  const { own, changed } = takeTimings(new Map(), [sentAt(100), sentAt(10)], NOW)
  expect(own.get('lon-1')?.throughputMbps).toBeCloseTo(55)
  expect([...changed]).toEqual(['lon-1'])
})

test('an account has 32 paths: new ones wait while all were measured within a day', () => {
  const paths = Array.from({ length: PATHS_MAX }, (_, n) => sent({ edgeId: `made-up-${n}` }))
  const full = takeTimings(new Map(), paths, NOW).own
  expect(full.size).toBe(32)

  const one = sent({ edgeId: 'one-more' })
  const refused = takeTimings(full, [one, sentAt(5)], NOW + HOUR)
  expect(refused).toEqual({ own: full, changed: new Set() })

  const known = takeTimings(full, [sent({ edgeId: 'made-up-0' })], NOW + HOUR)
  expect([...known.changed]).toEqual(['made-up-0'])
  const later = takeTimings(known.own, [one], NOW + 25 * HOUR)
  expect(later.own.size).toBe(32)
  expect(later.own.has('made-up-0')).toBe(true)
  expect(later.own.has('made-up-1')).toBe(false)
  expect(later.own.has('one-more')).toBe(true)
})

test('a measurement of seven days ago, or of another shape, is not known', () => {
  const own: OwnMeasurement = foldTiming(null, sentAt(100), NOW)
  expect(readOwn(own, NOW + 7 * 24 * HOUR - 1)).toEqual(own)
  expect(readOwn(own, NOW + 7 * 24 * HOUR)).toBeNull()
  for (const wrong of [null, 7, [], {}, { ...own, errorRate: 2 }, { ...own, throughputMbps: '1' }])
    expect(readOwn(wrong, NOW)).toBeNull()
})

/** Parts of 8 MiB over `lon-1` at so many Mbit/s. */
function sentAt(mbps: number, parts = 1): PathTiming {
  return sent({ parts, bytes: parts * PART, busyMs: (parts * PART * 8) / mbps / 1000 })
}

function sent(some: Partial<PathTiming>): PathTiming {
  return {
    edgeId: 'lon-1',
    parts: 1,
    bytes: PART,
    busyMs: 1000,
    failures: 0,
    failuresInRow: 0,
    latencyMs: null,
    ...some,
  }
}
