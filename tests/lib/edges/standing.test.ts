import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { PathTiming } from '../../../lib/edges/measurement.ts'
import { recordTimings } from '../../../lib/edges/record-timings.ts'
import { readStanding } from '../../../lib/edges/standing.ts'

const LONDON = { lat: 51.5, lng: -0.13 }

test('a report is what the account knows of its paths at once', async () => {
  const viewer = { accountId: randomUUID(), position: LONDON }
  await recordTimings(viewer, [timing({ edgeId: 'lon-1', bytes: 8e6, busyMs: 640, latencyMs: 12 })])

  const { own } = await readStanding(viewer)
  expect(own.get('lon-1')).toMatchObject({ throughputMbps: 100, latencyMs: 12, errorRate: 0 })
})

function timing(some: Partial<PathTiming>): PathTiming {
  return {
    edgeId: 'lon-1',
    parts: 1,
    bytes: 8_000_000,
    busyMs: 1000,
    failures: 0,
    failuresInRow: 0,
    latencyMs: null,
    ...some,
  }
}
