import { expect, test, vi } from 'vitest'
import { ownStack } from '../../local/own-stack.ts'
import { throughProxies } from '../../local/proxied.ts'
import { call } from '../../local/request.ts'
import { backgroundWork } from '../../local/wait-until.ts'

await ownStack({ edges: 1 })
const proxies = await throughProxies()
process.env.JOBS_AFTER_REQUESTS = 'on'
const background = backgroundWork()
const { query } = await import('../../../lib/db/client.ts')
const { route } = await import('../../../lib/http/route.ts')
const { JOBS } = await import('../../../lib/jobs/jobs.ts')
const { sql } = await import('../../../lib/vendor/orm.js')

const GET = route(async () => Response.json({ ok: true }))
const ask = () => call(GET, 'GET', '/')

async function finishedJobs() {
  const rows = await query(sql`
    SELECT name FROM periodic_jobs WHERE finished_at >= started_at ORDER BY name`)
  return rows.map(({ name }) => name)
}

async function metricsCount() {
  const [row] = await query(sql`SELECT count(*)::int AS count FROM edge_metrics`)
  return row?.count
}

/** A minute later by this process's clock, and by the database's as far as the jobs know. */
async function aMinuteLater() {
  vi.setSystemTime(Date.now() + 60_000)
  await query(sql`UPDATE periodic_jobs SET started_at = started_at - interval '1 minute'`)
}

test('the first request runs every job, after its answer', async () => {
  proxies.sql.passed.length = 0
  const answer = await ask()
  expect([answer.status, proxies.sql.passed.length]).toEqual([200, 0])
  await background.settled()
  expect(await finishedJobs()).toEqual(JOBS.map(({ name }) => name).sort())
  expect(await metricsCount()).toBe(1)
})

test('for a minute no request of this process asks again', async () => {
  proxies.sql.passed.length = 0
  await Promise.all(Array.from({ length: 20 }, ask))
  await background.settled()
  expect(proxies.sql.passed.length).toBe(0)
})

test('a minute later one does, and what is due once an hour waits', async () => {
  await aMinuteLater()
  await Promise.all(Array.from({ length: 20 }, ask))
  await background.settled()
  expect(await metricsCount()).toBe(2)
  const [row] = await query(sql`
    SELECT started_at < now() - interval '30 seconds' AS waited FROM periodic_jobs WHERE name = 'roll-up'`)
  expect(row).toEqual({ waited: true })
})

test('another process that was faster leaves nothing to do', async () => {
  vi.setSystemTime(Date.now() + 60_000)
  proxies.sql.passed.length = 0
  await ask()
  await background.settled()
  expect(proxies.sql.passed.length).toBe(1)
})

test('without Postgres the answer is the same', async () => {
  await aMinuteLater()
  proxies.sql.fault = () => 'refuse'
  expect((await ask()).status).toBe(200)
  await background.settled()
  proxies.sql.fault = undefined
})

test('a handler that throws is answered as ever, and the jobs run', async () => {
  await aMinuteLater()
  const before = Number(await metricsCount())
  const failing = route(async () => {
    throw new Error('on purpose')
  })
  expect((await call(failing, 'GET', '/')).status).toBe(500)
  await background.settled()
  expect(await metricsCount()).toBe(before + 1)
})

test('a request that used much of the time of its function leaves the jobs to the next', async () => {
  await aMinuteLater()
  const before = Number(await metricsCount())
  const slow = route(async () => {
    vi.setSystemTime(Date.now() + 9_000)
    return Response.json({})
  })
  await call(slow, 'GET', '/')
  await background.settled()
  expect(await metricsCount()).toBe(before)
  await ask()
  await background.settled()
  expect(await metricsCount()).toBe(before + 1)
})
