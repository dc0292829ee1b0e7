import { expect, test } from 'vitest'
import { throughProxies } from '../local/proxied.ts'
import { call } from '../local/request.ts'

const proxies = await throughProxies()
const { checkHealth } = await import('../../lib/health/check.ts')
const { GET } = await import('../../api/health.ts')
const { VERSION } = await import('../../lib/version.ts')

/** Each call is a time at which the last answer is too old. */
let now = Date.now()
const later = () => (now += 20_000)
const counts = () => Object.values(proxies).map(({ passed }) => passed.length)

test('all services answer, and are asked again only after 10 s', async () => {
  // The clients are loaded by then: a process that is busy with that takes what answers meanwhile for late.
  await checkHealth(now - 20_000)
  const before = counts()
  const { status, body, headers } = await call(GET, 'GET', '/api/health')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    status: 'ok',
    version: VERSION,
    services: { postgres: { ok: true, ms: expect.any(Number) } },
  })
  expect(headers.get('cache-control')).toContain('max-age=10')

  await call(GET, 'GET', '/api/health')
  expect(counts().map((count, at) => count - (before[at] ?? 0))).toEqual([1, 1, 1])
})

for (const [service, expected] of [
  ['redis', 'degraded'],
  ['sql', 'down'],
  ['s3', 'down'],
] as const) {
  test(`without ${service} it is ${expected}`, async () => {
    proxies[service].fault = () => 'refuse'
    const { status } = await checkHealth(later())
    proxies[service].fault = undefined
    expect(status).toBe(expected)
  })
}

test('down is a 503, so that monitors notice', async () => {
  proxies.sql.fault = () => 'refuse'
  await checkHealth(later())
  const { status } = await call(GET, 'GET', '/api/health')
  proxies.sql.fault = undefined
  expect(status).toBe(503)
})
