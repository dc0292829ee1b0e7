import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { throughProxies } from '../../local/proxied.ts'

process.env.REDIS_TIMEOUT_MS = '800'
const { redis, sql } = await throughProxies()
const { GET } = await import('../../../api/agentcache/quota.ts')
const keys = await import('../../../api/agentcache/keys.ts')
const { POST: upgrade } = await import('../../../api/agentcache/upgrade.ts')
const { POST: provision } = await import('../../../api/agentcache/provision.ts')
const { hashApiKey } = await import('../../../lib/accounts/api-key.ts')
const { redis: client } = await import('../../../lib/redis/client.ts')
const { anAccount } = await import('../../local/account.ts')
const { call } = await import('../../local/request.ts')
const { send } = await import('../../local/webhook.ts')

const read = (as: string) => call(GET, 'GET', '/api/agentcache/quota', { as })

afterEach(() => {
  redis.fault = undefined
  sql.fault = undefined
})

async function aHolder(tier: string) {
  const userId = `user-${randomUUID()}`
  const email = `${userId}@example.test`
  const body = { agentcache_user_id: userId, agentcache_email: email, tier }
  return (await send(provision, '/api/agentcache/provision', body)).body.account
}

test('without Redis keys and secrets work, and nothing is limited', async () => {
  const { api_key, api_secret } = await aHolder('free')
  redis.fault = () => 'refuse'
  for (let n = 0; n < 12; n++) {
    const { status, headers } = await read(api_key)
    expect([status, headers.get('ratelimit')]).toEqual([200, null])
  }
  expect((await call(keys.GET, 'GET', '/api/agentcache/keys', { as: api_secret })).status).toBe(200)
  expect((await read(`jt_live_${'a'.repeat(44)}`)).status).toBe(401)
})

test('without Redis a rotated, a revoked and a suspended key end at once: the database is asked', async () => {
  const { api_key, api_secret } = await aHolder('pro')
  redis.fault = () => 'refuse'
  const as = api_secret
  const rotated = await call(keys.POST, 'POST', '/api/agentcache/keys', {
    as,
    body: { overlapSeconds: 0 },
  })
  expect([(await read(api_key)).status, (await read(rotated.body.apiKey)).status]).toEqual([
    401, 200,
  ])
  const revoke = `/api/agentcache/keys?keyId=${rotated.body.keyId}`
  expect((await call(keys.DELETE, 'DELETE', revoke, { as })).status).toBe(200)
  expect((await read(rotated.body.apiKey)).status).toBe(401)

  const { apiKey, userId } = await anAccount()
  const body = { agentcache_user_id: userId, status: 'suspended' }
  expect((await send(upgrade, '/api/agentcache/upgrade', body)).status).toBe(200)
  expect((await read(apiKey)).status).toBe(403)
})

test('a Redis that hangs costs one wait, not the call', async () => {
  const { apiKey } = await anAccount()
  redis.fault = () => 'hang'
  const { length } = redis.passed
  expect((await read(apiKey)).status).toBe(200)
  expect(redis.passed.length - length).toBe(1)
  // Until Redis is asked again.
  await sleep(1_000)
})

test('who read the account before it changed cannot cache it after', async () => {
  const { apiKey, userId } = await anAccount()
  let changed = () => {}
  const change = new Promise<void>((resolve) => {
    changed = resolve
  })
  let isWriting = false
  redis.fault = async ({ body }) => {
    // The write that nobody waits for carries the account as it was.
    if (!body.includes(userId) || isWriting) return 'pass' as const
    isWriting = true
    await change
    return 'pass' as const
  }
  expect((await read(apiKey)).status).toBe(200)
  while (!isWriting) await sleep(5)
  const body = { agentcache_user_id: userId, status: 'suspended' }
  await send(upgrade, '/api/agentcache/upgrade', body)
  changed()
  for (let n = 0; n < 5; n++) {
    expect((await read(apiKey)).status).toBe(403)
    await sleep(20)
  }
})

test('a known key costs one trip to Redis and none to the database beside the endpoint’s own', async () => {
  const { apiKey } = await anAccount()
  await vi.waitUntil(async () => {
    await read(apiKey)
    return await client.get(`jetty:key:${hashApiKey(apiKey)}`)
  }, 10_000)
  const before = [redis.passed.length, sql.passed.length]
  await read(apiKey)
  expect([redis.passed.length, sql.passed.length]).toEqual([
    (before[0] ?? 0) + 1,
    (before[1] ?? 0) + 1,
  ])
})
