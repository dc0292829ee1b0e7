import { expect, test } from 'vitest'
import { median, percentile, rangeOf, rotated } from './statistics.ts'

test.each([
  [[3], 3],
  [[1, 2], 1.5],
  [[5, 1, 3], 3],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected)
})

test('percentiles lie between the nearest two', () => {
  const values = [10, 20, 30, 40, 50]
  expect([0, 25, 95, 100].map((percent) => percentile(values, percent))).toEqual([10, 20, 48, 50])
})

test('nothing has no median', () => {
  expect(() => median([])).toThrow('no values')
})

test('a range has two ends', () => {
  expect(rangeOf([2, 9, 4])).toEqual({ least: 2, most: 9 })
})

test('in as many rounds as there are ways, each goes first once', () => {
  const rounds = [0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))
  expect(rounds).toEqual(['abc', 'bca', 'cab', 'abc'])
})
