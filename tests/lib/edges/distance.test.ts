import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EDGES } from '../../../drizzle/catalogue.ts'
import { distanceKm, type Position } from '../../../lib/edges/distance.ts'

const at = (id: string) => EDGES.find((edge) => edge.id === id) ?? { lat: 0, lng: 0 }

/**
 * Published great-circle distances in km, with the coordinates they were published for: Rosetta Code "Haversine formula"
 * (R = 6,371), the README of the Python package haversine (R = 6,371.0088), and C. Cariel's table (huji.ac.il).
 */
const published: [string, Position, Position, number][] = [
  ['Nashville to Los Angeles', { lat: 36.12, lng: -86.67 }, { lat: 33.94, lng: -118.4 }, 2886.44],
  ['Lyon to Paris', { lat: 45.7597, lng: 4.8422 }, { lat: 48.8567, lng: 2.3508 }, 392.217],
  ['Jerusalem to Los Angeles', { lat: 31.75, lng: 35.25 }, { lat: 34, lng: -118 }, 12_185],
]
test.each(published)('%s is as published', (...[, from, to, km]) => {
  expect(Math.abs(distanceKm(from, to) - km)).toBeLessThan(km * 0.0001)
})

/** The catalogue's cities; the first two as the system we replace had them. The Earth is no sphere, so tables differ by 0.5 %. */
const pairs: [string, string, number][] = [
  ['sfo-1', 'lax-1', 559],
  ['sfo-1', 'sea-1', 1093],
  ['lon-1', 'par-1', 344],
  ['nyc-1', 'lon-1', 5570],
  ['syd-1', 'tyo-1', 7820],
  ['lon-1', 'syd-1', 16_990],
]
test.each(pairs)('%s to %s is about %i km', (from, to, km) => {
  expect(Math.abs(distanceKm(at(from), at(to)) - km)).toBeLessThan(km * 0.005)
})

test('distance is symmetric, zero only at home, and at most half around the Earth', () => {
  const position = fc.record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lng: fc.double({ min: -180, max: 180, noNaN: true }),
  })
  fc.assert(
    fc.property(position, position, (a, b) => {
      expect(distanceKm(a, b)).toBeCloseTo(distanceKm(b, a), 6)
      expect(distanceKm(a, a)).toBe(0)
      expect(distanceKm(a, b)).toBeLessThanOrEqual(Math.PI * 6371 + 1e-6)
    }),
  )
})

test('opposite places are half the circumference apart, whatever rounding adds', () => {
  for (let lat = -90; lat <= 90; lat += 0.5) {
    for (const lng of [-179.9, -123.4, -0.1, 7.7, 45]) {
      const opposite = { lat: -lat, lng: lng + 180 }
      expect(distanceKm({ lat, lng }, opposite)).toBeCloseTo(20_015.09, 1)
    }
  }
})
