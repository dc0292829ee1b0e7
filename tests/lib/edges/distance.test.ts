import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EDGES } from '../../../drizzle/catalogue.ts'
import { distanceKm } from '../../../lib/edges/distance.ts'

const at = (id: string) => EDGES.find((edge) => edge.id === id) ?? { lat: 0, lng: 0 }

/** Great-circle distances as published for these city pairs, in km; R = 6,371 km. */
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
