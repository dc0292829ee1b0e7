import { expect, test } from 'vitest'
import { type Came, openLedger } from './ledger.ts'

/** A fault hit the database at 100. */
const ledgerWithFault = () =>
  openLedger(
    ({ begun, ended }, services) => services.includes('sql') && begun <= 100 && ended >= 100,
  )
const came = (changes: Partial<Came>): Came => {
  const name = 'GET storage/files'
  return {
    name,
    status: 200,
    begun: 90,
    ended: 110,
    slugs: [],
    requestId: '-',
    why: '',
    ...changes,
  }
}

test('a failure is excused by a fault within its time, and by nothing else', () => {
  const ledger = ledgerWithFault()
  ledger.add(came({ status: 500 }), [])
  expect(ledger.totals().failed).toEqual({ injected: 1, unexplained: 0 })

  ledger.add(came({ status: 500, begun: 101 }), [])
  ledger.add(came({ status: 500, ended: 99 }), [])
  ledger.add(came({ name: 'store PUT', status: 503 }), [])
  expect(ledger.totals().failed).toEqual({ injected: 1, unexplained: 3 })
  expect(ledger.objections()).toHaveLength(3)
})

test('the failure of one member of a batch counts as one', () => {
  const ledger = ledgerWithFault()
  ledger.add(came({ slugs: ['path-taken', '503 store-unavailable'], begun: 101 }), ['path-taken'])
  expect(ledger.totals().failed.unexplained).toBe(1)
})

test('a call to the functions that is cut is not excused by the proxies behind them', () => {
  const ledger = ledgerWithFault()
  ledger.add(came({ status: 0 }), [])
  expect(ledger.totals().cut).toEqual({ injected: 0, unexplained: 1 })
})

test('a refusal that the caller does not expect is objected to', () => {
  const ledger = ledgerWithFault()
  ledger.add(came({ status: 409, slugs: ['path-taken'] }), ['path-taken'])
  ledger.add(came({ status: 429, slugs: ['rate-limited'] }), [])
  expect(ledger.objections()).toEqual([])
  ledger.add(came({ status: 409, slugs: ['upload-closed'] }), ['path-taken'])
  ledger.add(came({ status: 404 }), [])
  expect(ledger.totals().unexpected).toBe(2)
})

test('percentiles are of what was measured', () => {
  const ledger = ledgerWithFault()
  for (let ms = 1; ms <= 100; ms++) ledger.add(came({ begun: 0, ended: ms }), [])
  expect(ledger.rows()).toEqual([
    { call: 'GET storage/files', count: 100, p50: 50, p95: 95, p99: 99, statuses: { 200: 100 } },
  ])
})
