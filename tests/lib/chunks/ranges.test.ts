import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countOf, membersOf, mergeRanges } from '../../../lib/chunks/ranges.ts'

test('ranges are merged where they touch or overlap, in any order', () => {
  expect(mergeRanges([])).toEqual([])
  expect(
    mergeRanges([
      [7, 9],
      [0, 2],
      [3, 3],
      [8, 12],
      [20, 20],
      [20, 20],
    ]),
  ).toEqual([
    [0, 3],
    [7, 12],
    [20, 20],
  ])
})

test('what is in merged ranges is what was in the ranges, once', () => {
  const range = fc.tuple(fc.nat(60), fc.nat(9)).map(([a, n]): [number, number] => [a, a + n])
  fc.assert(
    fc.property(fc.array(range, { maxLength: 20 }), (ranges) => {
      const merged = mergeRanges(ranges)
      const members = [...new Set(membersOf(ranges))].sort((a, b) => a - b)
      expect(membersOf(merged)).toEqual(members)
      expect(countOf(merged)).toBe(members.length)
    }),
  )
})

test('a range is merged and counted without being written out', () => {
  expect(
    countOf(
      mergeRanges([
        [0, 4e15],
        [5, 9e15],
      ]),
    ),
  ).toBe(9e15 + 1)
})
