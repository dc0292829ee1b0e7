import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { ownStack } from '../../local/own-stack.ts'

await ownStack({ edges: 0 })
const { query } = await import('../../../lib/db/client.ts')
const { rollUpDays } = await import('../../../lib/edges/roll-up.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { anAccount } = await import('../../local/account.ts')
const { aContent } = await import('../../local/content.ts')
const { uploader } = await import('../../local/uploading.ts')

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const [clock] = await query(sql`SELECT now()::text AS now`)
const TODAY = new Date(String(clock?.now)).setUTCHours(0, 0, 0, 0)

const dayOf = (daysAgo: number) => new Date(TODAY - daysAgo * DAY_MS).toISOString().slice(0, 10)
const timeOf = (daysAgo: number, hour: number) =>
  new Date(TODAY - daysAgo * DAY_MS + hour * HOUR_MS).toISOString()

async function metric(edgeId: string, at: string, { isUp = true, load = 0, latency = 0 } = {}) {
  await query(sql`
    INSERT INTO edge_metrics (edge_id, timestamp, is_up, load_percent, latency_ms)
    VALUES (${edgeId}, ${at}, ${isUp}, ${load || null}, ${latency || null})`)
}

type Paths = Record<string, { parts: number; bytes: number; busyMs: number; failures: number }>

async function aSession(updatedAt: string, paths: Paths) {
  const { apiKey, accountId } = await anAccount()
  const { body } = await uploader(apiKey).start([await aContent(10), { path: randomUUID() }])
  const [row] = await query(sql`
    INSERT INTO upload_sessions (account_id, upload_id, upload_via, threads, edges_used, paths, updated_at)
    VALUES (${accountId}, ${body.results[0].uploadId}, 'api', 1, '[]', ${JSON.stringify(paths)}, ${updatedAt})
    RETURNING id`)
  return String(row?.id)
}

async function daysOf(edgeId: string) {
  return await query(
    sql`SELECT d.*, d.date::text FROM edge_performance_daily d WHERE edge_id = ${edgeId} ORDER BY d.date`,
  )
}

/** Only the first run looks back a week; each test begins there. */
async function forgetDays() {
  await query(sql`DELETE FROM edge_performance_daily`)
}

test('a day is the mean of its probes and the sum of what its sessions report', async () => {
  await forgetDays()
  await metric('lon-1', timeOf(2, 1), { load: 10, latency: 20 })
  await metric('lon-1', timeOf(2, 2), { load: 21, latency: 30 })
  await metric('lon-1', timeOf(2, 23.9), { isUp: false })
  await metric('lon-1', timeOf(1, 0), { isUp: false })
  await metric('fra-1', timeOf(2, 1))
  const lon = { parts: 8, bytes: 80_000_000, busyMs: 4_000, failures: 2 }
  const direct = { parts: 2, bytes: 20_000_000, busyMs: 4_000, failures: 0 }
  await aSession(timeOf(2, 0), { 'lon-1': lon, direct })
  await aSession(timeOf(2, 23.99), { 'lon-1': { ...lon, failures: 1 } })
  await aSession(timeOf(2, 12), { 'lon-1': { parts: 0, bytes: 0, busyMs: 0, failures: 3 } })
  await aSession(timeOf(1, 0), { direct })

  await rollUpDays()
  expect(await daysOf('lon-1')).toEqual([
    {
      edge_id: 'lon-1',
      date: dayOf(2),
      avg_latency_ms: 25,
      avg_load_percent: 16,
      total_uploads: 2,
      total_bytes_transferred: '160000000',
      // 1.28 Gbit in 8 s of one connection after the other.
      avg_upload_speed_mbps: '160.00',
      uptime_percent: '66.67',
      error_count: 6,
    },
    {
      edge_id: 'lon-1',
      date: dayOf(1),
      avg_latency_ms: null,
      avg_load_percent: null,
      total_uploads: 0,
      total_bytes_transferred: '0',
      avg_upload_speed_mbps: null,
      uptime_percent: '0.00',
      error_count: 0,
    },
  ])
  expect(await daysOf('fra-1')).toMatchObject([{ date: dayOf(2), uptime_percent: '100.00' }])
})

test('summing up again, and many at once, changes nothing', async () => {
  const before = [await daysOf('lon-1'), await daysOf('fra-1')]
  await Promise.all(Array.from({ length: 8 }, rollUpDays))
  expect([await daysOf('lon-1'), await daysOf('fra-1')]).toEqual(before)
})

test('today is summed up so far, and again later', async () => {
  await forgetDays()
  await metric('nyc-1', timeOf(0, 0))
  await rollUpDays()
  expect(await daysOf('nyc-1')).toMatchObject([{ date: dayOf(0), uptime_percent: '100.00' }])
  await metric('nyc-1', timeOf(0, 0.001), { isUp: false })
  await rollUpDays()
  expect(await daysOf('nyc-1')).toMatchObject([{ uptime_percent: '50.00' }])
})

test('a session that goes on after midnight counts for the later day alone', async () => {
  await forgetDays()
  for (const daysAgo of [1, 0]) await metric('sin-1', timeOf(daysAgo, 0))
  const paths = { 'sin-1': { parts: 1, bytes: 1_000, busyMs: 10, failures: 0 } }
  const session = await aSession(timeOf(1, 23.99), paths)
  await rollUpDays()
  expect((await daysOf('sin-1')).map((day) => Number(day.total_uploads))).toEqual([1, 0])
  await query(sql`UPDATE upload_sessions SET updated_at = ${timeOf(0, 0)} WHERE id = ${session}`)
  await rollUpDays()
  expect((await daysOf('sin-1')).map((day) => Number(day.total_uploads))).toEqual([0, 1])
})

test('after days without a run those are made up for', async () => {
  await forgetDays()
  for (const daysAgo of [5, 4, 3, 2, 1]) await metric('sao-1', timeOf(daysAgo, 6))
  await query(sql`
    INSERT INTO edge_performance_daily (edge_id, date, total_uploads, total_bytes_transferred, uptime_percent)
    VALUES ('sao-1', ${dayOf(4)}, 7, 7, 7)`)
  await rollUpDays()
  expect((await daysOf('sao-1')).map(({ date }) => date)).toEqual([5, 4, 3, 2, 1].map(dayOf))
  expect((await daysOf('sao-1'))[1]).toMatchObject({ total_uploads: 0, uptime_percent: '100.00' })
})

test('a day of which probes are gone already is not summed up from the rest', async () => {
  await forgetDays()
  for (const daysAgo of [7, 6]) await metric('hkg-1', timeOf(daysAgo, 23.99))
  await rollUpDays()
  expect((await daysOf('hkg-1')).map(({ date }) => date)).toEqual([dayOf(6)])
})

test('a report beyond all measure does not keep others from being summed up', async () => {
  await forgetDays()
  await metric('tor-1', timeOf(0, 0))
  const absurd = { parts: 1, bytes: 9e15, busyMs: 1, failures: 2e9 }
  for (let count = 0; count < 3; count += 1) await aSession(timeOf(0, 0), { 'tor-1': absurd })
  await rollUpDays()
  expect(await daysOf('tor-1')).toMatchObject([
    { total_bytes_transferred: '9007199254740991', error_count: 2_147_483_647 },
  ])
})

test('probes are kept for 7 days, days for 400', async () => {
  await forgetDays()
  await metric('syd-1', timeOf(8, 0))
  await metric('syd-1', timeOf(6, 23))
  for (const daysAgo of [399, 402])
    await query(sql`
      INSERT INTO edge_performance_daily (edge_id, date, total_uploads, total_bytes_transferred, uptime_percent)
      VALUES ('syd-1', ${dayOf(daysAgo)}, 1, 1, 1)`)
  await rollUpDays()
  const kept = await query(sql`SELECT timestamp FROM edge_metrics WHERE edge_id = 'syd-1'`)
  expect(kept).toHaveLength(1)
  expect((await daysOf('syd-1')).map(({ date }) => date)).toEqual([dayOf(399), dayOf(6)])
})
