import { expect, test } from 'vitest'
import { rankTest } from './rank-test.ts'

/** Times of a busy machine: mostly alike, a few many times as long. */
const times = (count: number) =>
  Array.from(
    { length: count },
    () => 10 + 4 * Math.random() + (Math.random() < 0.05 ? 200 * Math.random() : 0),
  )

test('the p-value is that of the tables', () => {
  // U = 0 of 5 and 5: z = 12.5 / sqrt(22.9167) = 2.611; of 8 and 8: z = 32 / sqrt(90.667) = 3.361.
  expect(rankTest([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).toBeCloseTo(0.00902, 5)
  expect(rankTest([1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12, 13, 14, 15, 16])).toBeCloseTo(
    0.0007775,
    6,
  )
  expect(rankTest([1, 2, 3, 4], [1, 2, 3, 4])).toBeCloseTo(1, 12)
})

test('samples of the same times are not told apart: of 1,000 pairs about one in a hundred has a p-value below 1 %', () => {
  const below = Array.from({ length: 1_000 }, () => rankTest(times(100), times(100))).filter(
    (p) => p < 0.01,
  )
  // Binomial: mean 10, standard deviation 3.1.
  expect(below.length).toBeLessThan(30)
})

test('a delay of a tenth is found among outliers that are ten times as long as everything else', () => {
  for (let n = 0; n < 20; n++)
    expect(
      rankTest(
        times(500),
        times(500).map((ms) => ms + 1),
      ),
    ).toBeLessThan(1e-5)
})
