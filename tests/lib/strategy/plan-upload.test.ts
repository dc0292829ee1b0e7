import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FILE_BYTES_MAX, layoutOf, SINGLE_PART_BYTES_MAX } from '../../../lib/content/layout.ts'
import type { RankedPath } from '../../../lib/edges/rank.ts'
import { planUpload, secondsFor } from '../../../lib/strategy/plan-upload.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3
const NOTHING = new Set<string>()

function aPath(id: string, throughputMbps: number, latencyMs = 20): RankedPath {
  return {
    id,
    url: `https://${id}.example`,
    city: null,
    country: null,
    score: 0.5,
    weight: 0.5,
    distanceKm: null,
    latencyMs,
    loadPercent: null,
    throughputMbps,
    errorRate: 0,
    source: 'estimated',
    ageSeconds: null,
  }
}

/** A plan over two paths, of which the account sent over those in `sentOver`. */
function plan(fileSize: number, rates: [near: number, direct: number], more = {}) {
  const paths = [aPath('near-1', rates[0]), aPath('direct', rates[1], 80)]
  return planUpload({ fileSize, paths, connectionsMax: 16, sentOver: NOTHING, ...more })
}

test('a path that carries nothing promises nothing', () => {
  const silent = { ...aPath('direct', 900), weight: 0 }
  const paths = [{ ...aPath('near-1', 5), weight: 1 }, silent]
  const wanted = { fileSize: GIB, connectionsMax: 16 }
  const sentOver = new Set(['direct'])
  expect(planUpload({ ...wanted, paths, sentOver })).toMatchObject({
    throughputMbps: 80,
    source: 'estimated',
  })
})

const SENT = { sentOver: new Set(['near-1']) }
const sizes = fc.oneof(
  fc.integer({ min: 0, max: 2 * GIB }),
  fc.maxSafeNat().map((n) => n % FILE_BYTES_MAX),
)
const severalParts = sizes.map((size) => Math.max(size, SINGLE_PART_BYTES_MAX + 1))
const rates = fc.double({ min: 0, max: 5_000, noNaN: true })
const connectionsMax = fc.integer({ min: 1, max: 32 })
const anyPlan = fc.record({
  sentOver: fc.constantFrom(NOTHING, SENT.sentOver),
  connectionsMax,
})

test('chunks are the layout of the file', () => {
  fc.assert(
    fc.property(sizes, (size) => {
      const { partSize, partCount } = layoutOf(size)
      expect(plan(size, [40, 10])).toMatchObject({ chunkSize: partSize, chunks: partCount })
    }),
  )
})

test.each([
  ['what the tier allows', { size: 1 * GIB, tier: 16, near: 20, threads: 16 }],
  ['one for each chunk', { size: 20 * MIB, tier: 16, near: 20, threads: 4 }],
  ['one for a file of one part', { size: 16 * MIB, tier: 16, near: 20, threads: 1 }],
  ['one for an empty file', { size: 0, tier: 16, near: 20, threads: 1 }],
  ['as many as fill a gigabit', { size: 1 * GIB, tier: 32, near: 100, threads: 10 }],
  ['four where one would fill it', { size: 1 * GIB, tier: 32, near: 2_000, threads: 4 }],
  ['two where the tier allows no more', { size: 1 * GIB, tier: 2, near: 2_000, threads: 2 }],
  ['what the tier allows where nothing flows', { size: 1 * GIB, tier: 24, near: 0, threads: 24 }],
])('connections: %s', (_, { size, tier, near, threads }) => {
  expect(plan(size, [near, 0], { connectionsMax: tier }).threads).toBe(threads)
})

test('there is a connection at least, none without a chunk, none above the tier', () => {
  fc.assert(
    fc.property(sizes, rates, anyPlan, (size, rate, more) => {
      const { threads, chunks } = plan(size, [rate, 1], more)
      expect(threads).toBeGreaterThanOrEqual(1)
      expect(threads).toBeLessThanOrEqual(Math.min(chunks, more.connectionsMax))
    }),
  )
})

test('what the account sent over a path itself counts before what others are expected to carry', () => {
  expect(plan(1 * GIB, [3, 90])).toMatchObject({ source: 'estimated', throughputMbps: 100 })
  expect(plan(1 * GIB, [3, 90], SENT)).toMatchObject({ source: 'measured', throughputMbps: 48 })
})

test('nobody is promised more than a common line before something was measured, nor than a gigabit after', () => {
  expect(plan(1 * GIB, [50, 50]).throughputMbps).toBe(100)
  expect(plan(1 * GIB, [50, 50], SENT).throughputMbps).toBe(800)
  expect(plan(1 * GIB, [400, 50], SENT).throughputMbps).toBe(1_000)
})

test('a file of few chunks cannot keep all connections busy', () => {
  expect(plan(16 * MIB, [10, 1], SENT).throughputMbps).toBe(10)
  expect(plan(25 * MIB, [10, 1], SENT).throughputMbps).toBe(50)
})

test('seconds are bits by megabits: ten times the bytes take ten times as long', () => {
  // 1 GiB is 8,590 megabits; 16 connections of 5 Mbit/s carry 80 of them a second.
  expect(plan(1 * GIB, [5, 1], SENT).estimatedSeconds).toBe(108)
  expect(plan(10 * GIB, [5, 1], SENT).estimatedSeconds).toBe(1_074)
  expect(secondsFor(125_000_000, 1_000)).toBe(1)
  expect(secondsFor(125_000_001, 1_000)).toBe(2)
  expect(secondsFor(125_000_000, 100, 60)).toBe(11)
  expect(secondsFor(0, 100)).toBe(1)
})

test('the estimate follows from the throughput that is said beside it', () => {
  fc.assert(
    fc.property(sizes, rates, anyPlan, (size, rate, more) => {
      const { estimatedSeconds, throughputMbps } = plan(size, [rate, 1], more)
      expect(estimatedSeconds).toBe(secondsFor(size, throughputMbps, 20))
      expect(estimatedSeconds).toBeGreaterThanOrEqual(1)
      expect(Number.isSafeInteger(estimatedSeconds)).toBe(true)
    }),
  )
})

test('a larger file never takes less time', () => {
  const larger = fc.tuple(severalParts, sizes).map(([size, more]) => [size, size + more] as const)
  fc.assert(
    fc.property(larger, rates, anyPlan, ([size, other], rate, more) => {
      const [first, second] = [plan(size, [rate, 1], more), plan(other, [rate, 1], more)]
      expect(second.estimatedSeconds).toBeGreaterThanOrEqual(first.estimatedSeconds)
    }),
    { numRuns: 2_000 },
  )
})

test('but one part takes one connection: just above it, four share the file and are done sooner', () => {
  const [one, four] = [SINGLE_PART_BYTES_MAX, SINGLE_PART_BYTES_MAX + 1]
  expect(plan(one, [10, 1], SENT)).toMatchObject({ threads: 1, estimatedSeconds: 14 })
  expect(plan(four, [10, 1], SENT)).toMatchObject({ threads: 4, estimatedSeconds: 5 })
})

test('more throughput never takes more time', () => {
  const rise = fc.tuple(rates, rates)
  fc.assert(
    fc.property(sizes, rise, anyPlan, (size, [rate, gain], more) => {
      const [slow, fast] = [plan(size, [rate, 1], more), plan(size, [rate + gain, 1], more)]
      expect(fast.estimatedSeconds).toBeLessThanOrEqual(slow.estimatedSeconds)
      const direct = plan(size, [rate, 1 + gain], more)
      expect(direct.estimatedSeconds).toBeLessThanOrEqual(slow.estimatedSeconds)
    }),
    { numRuns: 2_000 },
  )
})
