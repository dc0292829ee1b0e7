import { expect, test } from 'vitest'
import type { Timing } from '../../../lib/sessions/fields.ts'
import { sumTimings } from '../../../lib/sessions/paths.ts'

const sent = (edgeId: string, more: Partial<Timing> = {}): Timing => ({
  edgeId,
  chunkIndex: 0,
  bytes: 100,
  durationMs: 10.4,
  failed: false,
  ...more,
})

test('timings are added up by path; what failed is counted apart, with what it moved', () => {
  const lost = sent('lon-1', { failed: true, bytes: 30 })
  expect(sumTimings([sent('lon-1'), sent('direct'), lost, sent('lon-1')])).toEqual([
    {
      edgeId: 'lon-1',
      parts: 2,
      bytes: 230,
      busyMs: 31,
      failures: 1,
      failuresInRow: 0,
      latencyMs: null,
    },
    {
      edgeId: 'direct',
      parts: 1,
      bytes: 100,
      busyMs: 10,
      failures: 0,
      failuresInRow: 0,
      latencyMs: null,
    },
  ])
  expect(sumTimings([])).toEqual([])
})

test('failures in a row are those at the end, without a success after them', () => {
  const lost = sent('a', { failed: true })
  const rowOf = (...timings: Timing[]) => sumTimings(timings)[0]?.failuresInRow
  expect(rowOf(lost, lost, lost)).toBe(3)
  expect(rowOf(lost, sent('a'), lost, sent('b'), lost)).toBe(2)
  expect(rowOf(lost, lost, sent('a'))).toBe(0)
})

test('the round trip of a batch is the median of those that were measured', () => {
  const latencyOf = (...all: (number | null)[]) =>
    sumTimings(all.map((latencyMs) => sent('a', { latencyMs })))[0]?.latencyMs
  expect(latencyOf(null)).toBeNull()
  expect(latencyOf(12, null)).toBe(12)
  expect(latencyOf(500, 10, 12)).toBe(12)
  expect(latencyOf(14, 10)).toBe(12)
})
