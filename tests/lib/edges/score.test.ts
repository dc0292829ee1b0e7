import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Estimate } from '../../../lib/edges/estimate.ts'
import { type Priority, scoreOf, weightsOf } from '../../../lib/edges/score.ts'

const PRIORITIES: Priority[] = ['speed', 'cost', 'balanced']

const best: Estimate = {
  distanceKm: 0,
  latencyMs: 0,
  loadPercent: 0,
  throughputMbps: 1e12,
  errorRate: 0,
  measuredAt: null,
}

const estimates = fc.record({
  distanceKm: fc.double({ min: 0, max: 20_015, noNaN: true }),
  latencyMs: fc.double({ min: 0, max: 5000, noNaN: true }),
  loadPercent: fc.double({ min: 0, max: 100, noNaN: true }),
  throughputMbps: fc.double({ min: 0, max: 10_000, noNaN: true }),
  errorRate: fc.double({ min: 0, max: 1, noNaN: true }),
  measuredAt: fc.constant(null),
})

test.each(PRIORITIES)('the weights of %s add up to 1, with and without a distance', (priority) => {
  for (const isPlaced of [true, false]) {
    const weights = Object.values(weightsOf(priority, isPlaced))
    expect(weights.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 12)
  }
})

test('the weights are those of the system this one replaces', () => {
  expect(weightsOf('balanced', true)).toEqual({
    distance: 0.3,
    latency: 0.3,
    load: 0.2,
    throughput: 0.15,
    errors: 0.05,
  })
  expect(weightsOf('speed', true)).toEqual({
    distance: 0.1,
    latency: 0.4,
    load: 0.15,
    throughput: 0.3,
    errors: 0.05,
  })
  expect(weightsOf('cost', true)).toEqual({
    distance: 0.3,
    latency: 0.15,
    load: 0.4,
    throughput: 0.1,
    errors: 0.05,
  })
})

test('without a place the other weights keep their proportions', () => {
  const { distance, latency, load } = weightsOf('balanced', false)
  expect(distance).toBe(0)
  expect(latency / load).toBeCloseTo(0.3 / 0.2, 12)
})

test('each factor is worth half at its normaliser, and nothing else moves', () => {
  const weights = weightsOf('balanced', true)
  const cost = (worse: Partial<Estimate>) =>
    scoreOf(best, weights) - scoreOf({ ...best, ...worse }, weights)
  expect(cost({ distanceKm: 20_015 / 2 })).toBeCloseTo(0.15, 4)
  expect(cost({ latencyMs: 50 })).toBeCloseTo(0.15, 6)
  expect(cost({ loadPercent: 50 })).toBeCloseTo(0.1, 6)
  expect(cost({ throughputMbps: 10 })).toBeCloseTo(0.075, 6)
  expect(cost({ errorRate: 0.05 })).toBeCloseTo(0.025, 6)
})

test('a score is between 0 and 1, and nothing saturates: better in any one way is always more', () => {
  fc.assert(
    fc.property(estimates, fc.constantFrom(...PRIORITIES), (estimate, priority) => {
      const weights = weightsOf(priority, true)
      const score = scoreOf(estimate, weights)
      expect(score).toBeGreaterThanOrEqual(0)
      expect(score).toBeLessThanOrEqual(1)
      const better: Partial<Estimate>[] = [
        { distanceKm: estimate.distanceKm * 0.99 - 1 },
        { latencyMs: estimate.latencyMs * 0.99 - 1 },
        { loadPercent: estimate.loadPercent * 0.99 - 0.1 },
        { throughputMbps: estimate.throughputMbps * 1.01 + 0.1 },
        { errorRate: estimate.errorRate * 0.99 - 0.001 },
      ]
      for (const one of better) {
        expect(scoreOf({ ...estimate, ...one }, weights)).toBeGreaterThan(score)
      }
    }),
  )
})
