import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bestCase, estimatePath } from '../../../lib/edges/estimate.ts'
import type { OwnMeasurement } from '../../../lib/edges/measurement.ts'
import { impliedLatencyMs, impliedThroughputMbps } from '../../../lib/edges/prior.ts'
import { HOUR, MINUTE, NOW, standing } from './a-ranking.ts'

type Facts = Parameters<typeof standing>[0]

const KM = 1000
const estimate = (facts: Facts, measurements: [string, number][] = [], now = NOW) =>
  estimatePath('x', KM, { standing: standing(facts), measurements: new Map(measurements), now })
const prior = estimate({})

test('a path that nobody measured is expected to do what its distance implies, and not well', () => {
  expect(prior).toEqual({
    distanceKm: KM,
    latencyMs: impliedLatencyMs(KM),
    throughputMbps: impliedThroughputMbps(impliedLatencyMs(KM)) / 4,
    loadPercent: 50,
    errorRate: 0.01,
    measuredAt: null,
  })
})

test('the client counts before the account, that before its region, that before all', () => {
  const own = { x: { latencyMs: 20, throughputMbps: 30, errorRate: 0.02 } }
  const regional = { x: { latencyMs: 40, relativeThroughput: 0.8, errorRate: 0.04 } }
  const shared = { x: { relativeThroughput: 0.1, errorRate: 0.08 } }
  expect(estimate({ own, regional, shared }, [['x', 10]])).toMatchObject({
    latencyMs: 10,
    throughputMbps: expect.closeTo(30),
    errorRate: 0.02,
  })
  expect(estimate({ own, regional, shared })).toMatchObject({
    latencyMs: 20,
    throughputMbps: expect.closeTo(30),
  })
  expect(estimate({ regional, shared })).toMatchObject({ latencyMs: 40, errorRate: 0.04 })
  expect(estimate({ regional, shared }).throughputMbps).toBeCloseTo(0.8 * impliedThroughputMbps(40))
  expect(estimate({ shared })).toMatchObject({ latencyMs: impliedLatencyMs(KM), errorRate: 0.08 })
  expect(estimate({ shared }).throughputMbps).toBeCloseTo(
    0.1 * impliedThroughputMbps(impliedLatencyMs(KM)),
  )
})

test('round trips of clients elsewhere do not count', () => {
  expect(estimate({ shared: { x: { latencyMs: 1 } } }).latencyMs).toBe(prior.latencyMs)
})

test('what was not measured stays at the prior', () => {
  const { latencyMs, throughputMbps } = estimate({ own: { x: { errorRate: 0.5 } } })
  expect({ latencyMs, throughputMbps }).toEqual({
    latencyMs: prior.latencyMs,
    throughputMbps: prior.throughputMbps,
  })
})

test('after six hours a measurement counts half: round trips and errors half-way, rates at the middle of their factors', () => {
  const own = {
    x: { latencyMs: 9, throughputMbps: 1, errorRate: 0.11, measuredAt: NOW - 6 * HOUR },
  }
  const { latencyMs, throughputMbps, errorRate } = estimate({ own })
  expect(latencyMs).toBeCloseTo((9 + prior.latencyMs) / 2)
  expect(errorRate).toBeCloseTo(0.06)
  const implied = impliedThroughputMbps(latencyMs) / 4
  expect(throughputMbps).toBeCloseTo(Math.sqrt(implied))
})

test('an old measurement only ever moves towards the prior', () => {
  const hours = fc.integer({ min: 0, max: 90 * 24 })
  const seen = fc.record({
    errorRate: fc.double({ min: 0, max: 1, noNaN: true }),
    latencyMs: fc.double({ min: 1, max: 1000, noNaN: true }),
  })
  const rates = fc.double({ min: 0.01, max: 1000, noNaN: true })
  const gaps = (x: Partial<OwnMeasurement>, ageHours: number) => {
    const now = estimate({ own: { x: { ...x, measuredAt: NOW - ageHours * HOUR } } })
    return {
      latency: Math.abs(now.latencyMs - prior.latencyMs),
      errors: Math.abs(now.errorRate - prior.errorRate),
      throughput: Math.abs(Math.log(now.throughputMbps / prior.throughputMbps)),
    }
  }
  fc.assert(
    fc.property(seen, rates, fc.tuple(hours, hours), (one, throughputMbps, [a, b]) => {
      const [younger, older] = [Math.min(a, b), Math.max(a, b)]
      const { latency, errors } = gaps(one, younger)
      expect(gaps(one, older).latency).toBeLessThanOrEqual(latency + 1e-9)
      expect(gaps(one, older).errors).toBeLessThanOrEqual(errors + 1e-9)
      const { throughput } = gaps({ throughputMbps }, younger)
      expect(gaps({ throughputMbps }, older).throughput).toBeLessThanOrEqual(throughput + 1e-9)
    }),
  )
})

test('a measurement from a clock that is ahead counts as one of now', () => {
  const own = { x: { latencyMs: 9, measuredAt: NOW + HOUR } }
  expect(estimate({ own }).latencyMs).toBeCloseTo(9)
})

test('of what others saw, each account up to the fifth has a fifth of the weight, and no more than five count', () => {
  const errorsOf = (accounts: number) =>
    estimate({ regional: { x: { errorRate: 0.51, accounts } } }).errorRate
  expect(errorsOf(3)).toBeCloseTo(0.01 + 0.5 * 0.6)
  expect(errorsOf(4)).toBeCloseTo(0.01 + 0.5 * 0.8)
  expect(errorsOf(5)).toBeCloseTo(0.51)
  expect(errorsOf(500)).toBeCloseTo(0.51)
})

test('a heartbeat counts for three minutes; a load of 0 is a load of 0', () => {
  const later = (ms: number) => estimate({ loads: { x: 0 } }, [], NOW + ms).loadPercent
  expect(later(2 * MINUTE)).toBe(0)
  expect(later(2 * MINUTE + 1)).toBe(50)
  expect(estimate({ loads: { x: 250 } }).loadPercent).toBe(100)
})

test('the newest measurement gives the time, a heartbeat none', () => {
  const own = { x: { measuredAt: NOW - 5 } }
  const shared = { x: { measuredAt: NOW - 3 } }
  expect(estimate({ own, shared }).measuredAt).toBe(NOW - 3)
  expect(estimate({ own }, [['x', 10]]).measuredAt).toBe(NOW)
  expect(estimate({ loads: { x: 1 } }).measuredAt).toBeNull()
})

test('whatever all others say, a path does no better than its best case', () => {
  const shared = fc.record({
    relativeThroughput: fc.option(fc.double({ min: 0, max: 1.5, noNaN: true })),
    errorRate: fc.double({ min: 0, max: 1, noNaN: true }),
    latencyMs: fc.option(fc.double({ min: 0, max: 100, noNaN: true })),
    accounts: fc.integer({ min: 3, max: 9 }),
  })
  fc.assert(
    fc.property(shared, (x) => {
      const seen = estimate({ shared: { x } })
      const best = bestCase(KM)
      expect(seen.latencyMs).toBeGreaterThanOrEqual(best.latencyMs)
      expect(seen.throughputMbps).toBeLessThanOrEqual(best.throughputMbps)
      expect(seen.errorRate).toBeGreaterThanOrEqual(best.errorRate)
    }),
  )
})
