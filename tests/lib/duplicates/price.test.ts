import fc from 'fast-check'
import { expect, test } from 'vitest'
import { USD_PER_GIB, usdOf } from '../../../lib/duplicates/price.ts'

const GIB = 1024 ** 3

test.each([
  [0, 0],
  [1, 0],
  [GIB, 0.1],
  [10 * GIB, 1],
  [1024 ** 2, 0.0001],
  [1.5 * GIB, 0.15],
  [5 * 1024 * GIB, 512],
])('%d bytes cost %d USD', (bytes, usd) => {
  expect(usdOf(bytes)).toBe(usd)
})

test('a price has four decimals and is off by half of the last at most', () => {
  fc.assert(
    fc.property(fc.nat(5 * 1024 ** 4), (bytes) => {
      const usd = usdOf(bytes)
      expect(Number(usd.toFixed(4))).toBe(usd)
      expect(Math.abs(usd - (bytes / GIB) * USD_PER_GIB)).toBeLessThanOrEqual(0.000_050_001)
    }),
  )
})
