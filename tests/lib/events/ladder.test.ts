import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RETRY_SECONDS, secondsToRetry } from '../../../lib/events/ladder.ts'

const DAY = 86_400

test('ten attempts stand in the published ladder, and the tenth is the last', () => {
  const [minute, hour] = [60, 3600]
  const published = [
    5,
    5 * minute,
    30 * minute,
    2 * hour,
    5 * hour,
    10 * hour,
    14 * hour,
    20 * hour,
    DAY,
  ]
  expect(RETRY_SECONDS).toEqual(published)
  expect(secondsToRetry(10, null)).toBeNull()
  expect(secondsToRetry(11, '60')).toBeNull()
})

test('a wait is never shorter than its step, and at most a tenth longer', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), (attempt) => {
      const step = RETRY_SECONDS[attempt - 1] ?? 0
      const wait = secondsToRetry(attempt, null) ?? 0
      expect(wait).toBeGreaterThanOrEqual(step)
      expect(wait).toBeLessThanOrEqual(step * 1.1)
    }),
  )
})

test('events that failed together come back at different moments', () => {
  const waits = Array.from({ length: 20 }, () => secondsToRetry(2, null))
  expect(new Set(waits).size).toBeGreaterThan(10)
})

test.each([
  [1, '120', 120],
  [1, '0', 5],
  [2, '10', 300],
  [1, '999999999', DAY],
  [1, '9'.repeat(30), 5],
  [1, '-60', 5],
  [1, '1.5', 5],
  [1, 'soon', 5],
  [1, '', 5],
  [1, new Date(Date.now() + 10 * DAY * 1000).toUTCString(), DAY],
  [1, 'Wed, 21 Oct 2015 07:28:00 GMT', 5],
])('after attempt %d Retry-After "%s" waits %d seconds', (attempt, retryAfter, seconds) => {
  const wait = secondsToRetry(attempt, retryAfter) ?? 0
  expect(wait).toBeGreaterThanOrEqual(seconds)
  expect(wait).toBeLessThanOrEqual(seconds * 1.1)
})

test('Retry-After may be a date', () => {
  const inTwoHours = new Date(Date.now() + 7_200_000).toUTCString()
  const wait = secondsToRetry(1, inTwoHours) ?? 0
  expect(wait).toBeGreaterThan(7190)
  expect(wait).toBeLessThan(7930)
})
