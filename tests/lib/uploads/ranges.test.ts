import fc from 'fast-check'
import { expect, test } from 'vitest'
import { partsWithout, rangesOf } from '../../../lib/uploads/ranges.ts'

test('ranges say exactly the part numbers they were made of, as short as can be', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 })), (partNumbers) => {
      const ranges = rangesOf(partNumbers)
      const back = ranges.flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      )
      expect(back).toEqual([...partNumbers].sort((a, b) => a - b))
      for (const [index, [first]] of ranges.entries()) {
        const before = ranges[index - 1]
        if (before) expect(first).toBeGreaterThan(before[1] + 1)
      }
      expect(new Set([...partNumbers, ...partsWithout(60, partNumbers)]).size).toBe(60)
    }),
  )
})
