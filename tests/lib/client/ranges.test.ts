import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBitmap } from '../../../lib/client/bitmap.ts'
import { missingOf, numbersOf, rangesOf } from '../../../lib/client/ranges.ts'
import type { Range } from '../../../lib/client/wire.ts'

test('ranges are inclusive at both ends', () => {
  expect(
    numbersOf([
      [1, 3],
      [7, 7],
    ]),
  ).toEqual([1, 2, 3, 7])
  expect(
    missingOf(
      [
        [1, 3],
        [7, 7],
      ],
      8,
    ),
  ).toEqual([4, 5, 6, 8])
  expect(missingOf([], 2)).toEqual([1, 2])
  expect(missingOf([[1, 2]], 2)).toEqual([])
})

test('what is stored and what is missing together are every part once', () => {
  const parts = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(199)))
  fc.assert(
    fc.property(parts, ([count, picks]) => {
      const stored = [...new Set(picks.map((pick) => (pick % count) + 1))]
      const missing = missingOf(
        stored.map((n): Range => [n, n]),
        count,
      )
      expect([...stored, ...missing].sort((a, b) => a - b)).toEqual(
        Array.from({ length: count }, (_, i) => i + 1),
      )
    }),
  )
})

test('numbers come back from their ranges, which do not touch', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(99)), (picks) => {
      const numbers = picks.sort((a, b) => a - b)
      const ranges = rangesOf(numbers)
      expect(numbersOf(ranges)).toEqual(numbers)
      expect(ranges.every(([first], at) => first > (ranges[at - 1]?.[1] ?? -2) + 1)).toBe(true)
    }),
  )
})

test('a bitmap comes back from its text as it was', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.array(fc.nat(499)), (count, picks) => {
      const bitmap = createBitmap(count)
      const wanted = new Set(picks.map((pick) => pick % count))
      for (const index of wanted) bitmap.add(index)
      const missing = createBitmap(count, bitmap.toText()).missing()
      expect(missing).toEqual(
        Array.from({ length: count }, (_, i) => i).filter((i) => !wanted.has(i)),
      )
    }),
  )
})

test('a bitmap of another length or of nonsense counts as empty', () => {
  const full = createBitmap(8)
  for (let index = 0; index < 8; index += 1) full.add(index)
  expect(createBitmap(16, full.toText()).missing()).toHaveLength(16)
  expect(createBitmap(3, '%%%').missing()).toEqual([0, 1, 2])
})
