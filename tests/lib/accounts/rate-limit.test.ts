import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import * as keys from '../../../api/agentcache/keys.ts'
import { POST as provision } from '../../../api/agentcache/provision.ts'
import { GET } from '../../../api/agentcache/quota.ts'
import { hashApiKey, newApiKey } from '../../../lib/accounts/api-key.ts'
import { forgetApiKeys } from '../../../lib/accounts/authenticate.ts'
import { bucketOf, COUNT_CALL, rateOf } from '../../../lib/accounts/rate-limit.ts'
import { query } from '../../../lib/db/client.ts'
import { redis } from '../../../lib/redis/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount, type TestAccountOptions } from '../../local/account.ts'
import { call } from '../../local/request.ts'
import { send } from '../../local/webhook.ts'

const API = join(import.meta.dirname, '../../../api')
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

const read = (as: string) => call(GET, 'GET', '/api/agentcache/quota', { as })

/** An account whose key is cached, which took one call. */
async function aKnownAccount(options: TestAccountOptions = {}) {
  const account = await anAccount(options)
  await cached(account.apiKey)
  return account
}

async function cached(apiKey: string): Promise<void> {
  const isCached = () => redis.get(`jetty:key:${hashApiKey(apiKey)}`)
  // What a busy machine was too slow to write, the next call does.
  for (let isKnown: unknown = null; isKnown === null; ) {
    await read(apiKey)
    isKnown = await vi.waitUntil(isCached, { timeout: 2_000, interval: 5 }).catch(() => null)
  }
}

async function anotherKeyOf(accountId: string): Promise<string> {
  const apiKey = newApiKey()
  await query(
    sql`INSERT INTO api_keys (key_hash, account_id) VALUES (${hashApiKey(apiKey)}, ${accountId})`,
  )
  return apiKey
}

/** Leaves no room for so many ms. */
const fill = (accountId: string, ms: number) =>
  redis.set(bucketOf(accountId), String(Date.now() + 60_000 + ms))

test('a minute of calls may come at once, the next is refused and told when, and changes nothing', async () => {
  const { apiKey } = await aKnownAccount({ tier: 'free' })
  for (let n = 1; n < 10; n++) expect((await read(apiKey)).status).toBe(200)

  const { status, body, headers } = await read(apiKey)
  expect({ status, body }).toMatchObject({ status: 429, body: { type: '/errors/rate-limited' } })
  expect(body.retryAfterSeconds).toBeGreaterThanOrEqual(1)
  expect(body.retryAfterSeconds).toBeLessThanOrEqual(6)
  expect(headers.get('retry-after')).toBe(String(body.retryAfterSeconds))
  expect(headers.get('ratelimit')).toMatch(/^"calls";r=0;t=\d+$/)
})

test('after its wait a call is allowed again: a refused one does not count', async () => {
  // One call every 6 s: what happens between these takes less.
  const { apiKey, accountId } = await aKnownAccount({ tier: 'free' })
  const allowedAt = Date.now() + 2_000
  await redis.set(bucketOf(accountId), String(allowedAt + 54_000))
  expect((await read(apiKey)).status).toBe(429)
  expect((await read(apiKey)).status).toBe(429)
  await sleep(allowedAt - Date.now() + 20)
  expect((await read(apiKey)).status).toBe(200)
  expect((await read(apiKey)).status).toBe(429)
})

test('20 calls at once take 20 from the same bucket', async () => {
  const { apiKey } = await aKnownAccount({ tier: 'free' })
  const answers = await Promise.all(Array.from({ length: 20 }, () => read(apiKey)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(9)
})

test('accounts do not take from each other, and what is left stands in the answer', async () => {
  // Of these a call comes back every 6 s, so what is left does not depend on how fast the machine is.
  const [one, other] = await Promise.all(
    Array.from({ length: 2 }, () => aKnownAccount({ tier: 'free' })),
  )
  for (let n = 1; n <= 3; n++) {
    const { headers } = await read(one?.apiKey ?? '')
    expect(headers.get('ratelimit-policy')).toBe('"calls";q=10;w=60')
    const [, left, seconds] = /^"calls";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '') ?? []
    expect(Number(left)).toBe(9 - n)
    expect(Number(seconds)).toBeGreaterThan(6 * n)
    expect(Number(seconds)).toBeLessThanOrEqual(6 * (n + 1))
  }
  expect((await read(other?.apiKey ?? '')).headers.get('ratelimit')).toMatch(/r=8;/)
})

test('all keys of an account take from one bucket', async () => {
  const { apiKey, accountId } = await aKnownAccount({ tier: 'free' })
  const other = await anotherKeyOf(accountId)
  await cached(other)
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, n) => read(n % 2 ? apiKey : other)),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(8)
})

test('a key that is not known yet is counted, but not refused', async () => {
  const { apiKey, accountId } = await aKnownAccount({ tier: 'free' })
  await fill(accountId, 30_000)
  const other = await anotherKeyOf(accountId)
  expect((await read(other)).status).toBe(200)
  expect((await read(apiKey)).status).toBe(429)
  expect(Number(await redis.get(bucketOf(accountId)))).toBeLessThan(Date.now() + 90_001)
})

test('what is cached of a key is asked for anew within 60 s, also where nobody could say that it ended', async () => {
  const { apiKey } = await aKnownAccount()
  const seconds = await redis.ttl(`jetty:key:${hashApiKey(apiKey)}`)
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(60)
})

test('an account that just changed is limited all the same', async () => {
  const { apiKey, accountId } = await aKnownAccount({ tier: 'free' })
  await fill(accountId, 30_000)
  await forgetApiKeys([hashApiKey(apiKey)])
  const { status, headers } = await read(apiKey)
  expect([status, headers.get('ratelimit')]).toEqual([429, expect.stringMatching(/r=0;/)])
})

test('a tier without a limit is not limited', async () => {
  const { accountId, apiKey } = await aKnownAccount()
  const account = JSON.stringify({
    ...JSON.parse((await redis.get<string>(`jetty:key:${hashApiKey(apiKey)}`)) ?? '{}'),
    callsPerMinute: 0,
  })
  await redis.set(`jetty:key:${hashApiKey(apiKey)}`, account)
  await fill(accountId, 30_000)
  const { status, headers } = await read(apiKey)
  expect([status, headers.get('ratelimit')]).toEqual([200, null])
})

test('calls by the secret are calls of the account', async () => {
  const userId = `user-${randomUUID()}`
  const email = `${userId}@example.test`
  const { account } = (
    await send(provision, '/api/agentcache/provision', {
      agentcache_user_id: userId,
      agentcache_email: email,
      tier: 'free',
    })
  ).body
  await cached(account.api_key)
  const list = () => call(keys.GET, 'GET', '/api/agentcache/keys', { as: account.api_secret })
  const statuses = []
  for (let n = 1; n < 10; n++) statuses.push((await list()).status)
  expect(statuses).toEqual(Array(9).fill(200))
  const refused = await list()
  expect([refused.status, refused.body.type]).toEqual([429, '/errors/rate-limited'])
  expect(refused.headers.get('ratelimit-policy')).toBe('"calls";q=10;w=60')
  expect((await read(account.api_key)).status).toBe(429)
})

test('every endpoint that takes a key or a secret is limited, by every method', async () => {
  const userId = `user-${randomUUID()}`
  const { account } = (
    await send(provision, '/api/agentcache/provision', {
      agentcache_user_id: userId,
      agentcache_email: `${userId}@example.test`,
      tier: 'pro',
    })
  ).body
  await cached(account.api_key)
  await fill(account.id, 60_000)

  const limited: string[] = []
  const others: string[] = []
  for (const file of readdirSync(API, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const code = readFileSync(join(API, file), 'utf8')
    const as = code.includes('authenticateSecret(') ? account.api_secret : account.api_key
    const isLimited = /\bauthenticate(Secret)?\(request\)/.test(code)
    ;(isLimited ? limited : others).push(file)
    if (!isLimited) continue
    const module = await import(join(API, file))
    for (const method of METHODS.filter((name) => name in module)) {
      const body = ['GET', 'HEAD'].includes(method) ? undefined : {}
      const { status } = await call(module[method], method, `/api/${file}`, { as, body })
      expect({ file, method, status }).toEqual({ file, method, status: 429 })
    }
  }
  expect(limited.length).toBeGreaterThanOrEqual(11)
  // Open to all, or only to a signature or an operator's secret.
  expect(others.sort()).toEqual([
    'agentcache/provision.ts',
    'agentcache/upgrade.ts',
    'cron/deliver.ts',
    'cron/probe.ts',
    'cron/sweep.ts',
    'edges.ts',
    'edges/heartbeat.ts',
    'health.ts',
    'webhooks/jettythunder/provision.ts',
    'webhooks/jettythunder/tier.ts',
  ])
})

test('rubbish where the account or its bucket is cached limits nothing', async () => {
  const id = randomUUID()
  const key = `jetty:key:${randomUUID()}`
  const count = () => redis.eval<[], unknown[]>(COUNT_CALL, [key], [])
  expect(await count()).toEqual([])
  await redis.set(key, '{"callsPerMinute":60}')
  expect(await count()).toEqual(['{"callsPerMinute":60}'])
  await redis.set(key, JSON.stringify({ id, callsPerMinute: 60 }))
  await redis.set(bucketOf(id), 'rubbish')
  const [, ...counted] = await count()
  expect(rateOf(60, counted)).toMatchObject({ remaining: 59, retryAfterMs: 0 })
  expect(rateOf(60, [])).toBeNull()
})
