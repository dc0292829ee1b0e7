import { expect, test } from 'vitest'
import { NOTHING_KNOWN } from '../../../lib/edges/measurement.ts'
import { connectionOf } from '../../../lib/stats/connection.ts'

const measured = {
  throughputMbps: 10,
  errorRate: 0,
  failuresInRow: 0,
  failedAt: null,
  measuredAt: 1,
}
const said = { activeUploads: 1, throughputMbps: 1, version: '1', at: 1 }

/** The paths `e0`, `e1` … with these round trips, as the account measured them. */
function connectionWith(...latencies: (number | null)[]) {
  const rows = latencies.map((_, n) => ({ id: `e${n}`, city: 'London' }))
  const own = new Map(
    latencies.map((latencyMs, n) => [`e${n}`, { ...measured, latencyMs }] as const),
  )
  return connectionOf(rows, { ...NOTHING_KNOWN, own })
}

test.each<{ what: string; latencies: (number | null)[]; status: string; average: number | null }>([
  { what: 'nothing is measured', latencies: [null], status: 'connected', average: null },
  { what: 'all is fast', latencies: [10, 20.26], status: 'connected', average: 15.2 },
  { what: 'the average is 100 ms', latencies: [100, 100], status: 'connected', average: 100 },
  { what: 'the average is more', latencies: [10, 190.4], status: 'degraded', average: 100.2 },
  { what: 'only a slow one is measured', latencies: [150, null], status: 'degraded', average: 150 },
])('where $what, the average and the status follow', ({ latencies, status, average }) => {
  expect(connectionWith(...latencies)).toMatchObject({ status, average_latency_ms: average })
})

test('a relay tells how busy it is; an idle one is 0, one that is silent or has been for 3 minutes null', () => {
  const heartbeats = new Map([
    ['e0', { ...said, loadPercent: 0 }],
    ['e1', { ...said, loadPercent: 71 }],
    ['e2', { ...said, loadPercent: 71, at: said.at - 1 }],
  ])
  const rows = ['e0', 'e1', 'e2', 'e3'].map((id) => ({ id, city: null }))
  const { active_edges } = connectionOf(rows, { ...NOTHING_KNOWN, heartbeats }, said.at + 180_000)
  expect(active_edges.map((edge) => edge.utilization_percent)).toEqual([0, 71, null, null])
})

test('what others measured says nothing about this account', () => {
  const shared = { relativeThroughput: 1, latencyMs: 500, errorRate: 0, accounts: 3 }
  const all = { ...shared, failingAccounts: 0, failedAt: null, measuredAt: 1 }
  const known = new Map([['e0', all]])
  const rows = [{ id: 'e0', city: null }]
  expect(
    connectionOf(rows, { ...NOTHING_KNOWN, shared: known, regional: known }).average_latency_ms,
  ).toBeNull()
})

test('a row without a path is a session on none so far: connected, over nothing', () => {
  const connection = connectionOf([{ id: null, city: null }], NOTHING_KNOWN)
  expect(connection).toEqual({ status: 'connected', active_edges: [], average_latency_ms: null })
  expect(connectionOf([], NOTHING_KNOWN).status).toBe('offline')
})
