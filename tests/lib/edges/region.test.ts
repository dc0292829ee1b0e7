import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EDGES } from '../../../drizzle/catalogue.ts'
import { regionOf } from '../../../lib/edges/region.ts'

test.each([
  ['Dublin', { lat: 53.35, lng: -6.26 }, 'lon-1'],
  ['Munich', { lat: 48.14, lng: 11.58 }, 'fra-1'],
  ['Osaka', { lat: 34.69, lng: 135.5 }, 'tyo-1'],
  ['Auckland', { lat: -36.85, lng: 174.76 }, 'syd-1'],
  ['Buenos Aires', { lat: -34.6, lng: -58.38 }, 'sao-1'],
  ['Honolulu', { lat: 21.31, lng: -157.86 }, 'sfo-1'],
  ['Anchorage, across no date line', { lat: 61.22, lng: -149.9 }, 'sea-1'],
  ['Suva, beyond the date line', { lat: -18.14, lng: -179.9 }, 'syd-1'],
])('a client in %s belongs to the nearest location', (_, position, id) => {
  expect(regionOf(position)).toBe(id)
})

test('each location is its own region', () => {
  expect(EDGES.map(regionOf)).toEqual(EDGES.map(({ id }) => id))
})

test('a client of no known place has no region', () => {
  expect(regionOf(null)).toBeNull()
})

test('every place on Earth is in one of the 20 regions', () => {
  const ids = EDGES.map(({ id }) => id)
  const degrees = (max: number) => fc.double({ min: -max, max, noNaN: true })
  fc.assert(
    fc.property(degrees(90), degrees(180), (lat, lng) => {
      expect(ids).toContain(regionOf({ lat, lng }))
    }),
  )
})
