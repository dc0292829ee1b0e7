import { expect, test } from 'vitest'
import { GET } from '../../../api/agentcache/quota.ts'
import { hashApiKey } from '../../../lib/accounts/api-key.ts'
import { COUNT_CALL, rateOf } from '../../../lib/accounts/rate-limit.ts'
import { redis } from '../../../lib/redis/client.ts'
import { anAccount } from '../../local/account.ts'
import { call } from '../../local/request.ts'

const read = (as: string) => call(GET, 'GET', '/api/agentcache/quota', { as })

test('a minute of calls may come at once, the next is refused and told when, and changes nothing', async () => {
  const { apiKey } = await anAccount({ tier: 'free' })
  await read(apiKey)
  for (let n = 0; n < 10; n++) expect((await read(apiKey)).status).toBe(200)

  const { status, body, headers } = await read(apiKey)
  expect({ status, body }).toMatchObject({ status: 429, body: { type: '/errors/rate-limited' } })
  expect(body.retryAfterSeconds).toBeGreaterThanOrEqual(1)
  expect(body.retryAfterSeconds).toBeLessThanOrEqual(6)
  expect(headers.get('retry-after')).toBe(String(body.retryAfterSeconds))
})

test('after its wait a call is allowed again: a refused one does not count', async () => {
  const { apiKey } = await anAccount({ tier: 'pro' })
  await read(apiKey)
  const bucket = `jetty:rate:${hashApiKey(apiKey)}`
  await redis.set(bucket, String(Date.now() + 59_950))
  const first = await read(apiKey)
  expect(first.status).toBe(429)
  expect((await read(apiKey)).status).toBe(429)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect((await read(apiKey)).status).toBe(200)
  expect((await read(apiKey)).status).toBe(429)
})

test('20 calls at once take 20 from the same bucket', async () => {
  const { apiKey } = await anAccount({ tier: 'free' })
  await read(apiKey)
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => (await read(apiKey)).status),
  )
  expect(statuses.filter((status) => status === 200)).toHaveLength(10)
})

test('accounts do not take from each other, and what is left stands in the answer', async () => {
  const [one, other] = await Promise.all([anAccount(), anAccount()])
  await read(one.apiKey)
  await read(other.apiKey)
  for (let n = 1; n <= 3; n++) {
    const { headers } = await read(one.apiKey)
    expect(headers.get('ratelimit-policy')).toBe('"calls";q=300;w=60')
    expect(headers.get('ratelimit')).toMatch(new RegExp(`^"calls";r=${300 - n};t=1$`))
  }
  expect((await read(other.apiKey)).headers.get('ratelimit')).toMatch(/r=299;/)
})

test('rubbish where the account or its bucket is cached limits nothing', async () => {
  const keys = [`jetty:key:${crypto.randomUUID()}`, `jetty:rate:${crypto.randomUUID()}`]
  expect(await redis.eval(COUNT_CALL, keys, [])).toEqual([])
  await redis.set(keys[0] ?? '', '{"callsPerMinute":60}')
  await redis.set(keys[1] ?? '', 'rubbish')
  const [, ...counted] = (await redis.eval<[], unknown[]>(COUNT_CALL, keys, [])) ?? []
  expect(rateOf(60, counted)).toMatchObject({ remaining: 59, retryAfterMs: 0 })
  expect(rateOf(60, [])).toBeNull()
})
