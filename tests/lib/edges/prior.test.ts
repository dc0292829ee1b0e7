import { expect, test } from 'vitest'
import { distanceKm } from '../../../lib/edges/distance.ts'
import { impliedLatencyMs, impliedThroughputMbps } from '../../../lib/edges/prior.ts'
import { at } from './a-ranking.ts'

/** Typical round trips in ms as published by geocables.com/internet-latency (2025), the upper ends. */
const typical: [string, string, number][] = [
  ['lon-1', 'nyc-1', 80],
  ['lax-1', 'tyo-1', 115],
  ['lon-1', 'sin-1', 180],
  ['nyc-1', 'syd-1', 200],
]
test.each(typical)(
  '%s to %s implies no better than the %i ms that are usual, nor twice as much',
  (a, b, ms) => {
    const implied = impliedLatencyMs(distanceKm(at(a), at(b)))
    expect(implied).toBeGreaterThan(ms)
    expect(implied).toBeLessThan(2 * ms)
  },
)

test('an unknown distance is taken as 10,000 km', () => {
  expect(impliedLatencyMs(null)).toBe(impliedLatencyMs(10_000))
  expect(impliedLatencyMs(null)).toBeCloseTo(218, 0)
})

/** Mathis et al. (1997) up to about 57 ms: 1460 bytes / RTT × 1.22 / √0.0001; CUBIC (RFC 9438) above. */
const rates: [number, number][] = [
  [10, 142.5],
  [20, 71.2],
  [50, 28.5],
  [165, 19.3],
]
test.each(rates)('over %i ms one connection carries %f Mbit/s', (ms, mbps) => {
  expect(impliedThroughputMbps(ms)).toBeCloseTo(mbps, 0)
})

test('no connection is expected to carry more than 200 Mbit/s', () => {
  expect(impliedThroughputMbps(0.01)).toBe(200)
})
