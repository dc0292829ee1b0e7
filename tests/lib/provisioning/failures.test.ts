import { randomUUID } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { throughProxies } from '../../local/proxied.ts'

const { sql: database, redis } = await throughProxies()
const { POST: provision } = await import('../../../api/agentcache/provision.ts')
const { POST: upgrade } = await import('../../../api/agentcache/upgrade.ts')
const { GET: quota } = await import('../../../api/agentcache/quota.ts')
const { POST: keys } = await import('../../../api/agentcache/keys.ts')
const { query } = await import('../../../lib/db/client.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { call } = await import('../../local/request.ts')
const { send } = await import('../../local/webhook.ts')

const newUser = () => `user-${randomUUID()}`
const bodyOf = (userId: string) => ({
  agentcache_user_id: userId,
  agentcache_email: `${userId}@example.test`,
  tier: 'pro',
})
const ask = (userId: string, options: object = {}) =>
  send(provision, '/api/agentcache/provision', bodyOf(userId), options)

afterEach(() => {
  database.fault = undefined
  redis.fault = undefined
  vi.restoreAllMocks()
})

async function rowsOf(userId: string) {
  const [row] = await query(sql`
    SELECT (SELECT count(*)::int FROM agentcache_accounts WHERE agentcache_user_id = ${userId}) AS accounts,
      (SELECT count(*)::int FROM api_keys k JOIN agentcache_accounts a ON a.id = k.account_id
        WHERE a.agentcache_user_id = ${userId}) AS keys,
      (SELECT count(*)::int FROM jettythunder_credentials WHERE subject = ${userId} AND side = 'storage') AS kept`)
  return row
}

test('one round trip makes account, key and kept credentials: all of them or nothing', async () => {
  const userId = newUser()
  const before = database.passed.length
  expect((await ask(userId)).status).toBe(201)
  expect(database.passed.length - before).toBe(1)
  expect(await rowsOf(userId)).toEqual({ accounts: 1, keys: 1, kept: 1 })
})

test('a provisioning whose answer was lost on its way from the database is found by the next', async () => {
  const userId = newUser()
  const id = `msg_${randomUUID()}`
  database.fault = () => 'lose'
  expect((await ask(userId, { id })).status).toBe(500)
  database.fault = undefined
  expect(await rowsOf(userId)).toEqual({ accounts: 1, keys: 1, kept: 1 })
  const again = await ask(userId, { id })
  expect([again.status, again.body.cached]).toEqual([200, true])
  const as = again.body.account.api_key
  expect((await call(quota, 'GET', '/api/agentcache/quota', { as })).status).toBe(200)
})

test('a tier change whose answer was lost acted once: repeated, it changes nothing more', async () => {
  const userId = newUser()
  const { account } = (await ask(userId)).body
  const id = `msg_${randomUUID()}`
  const change = (tier: string, options: object = {}) =>
    send(upgrade, '/api/agentcache/upgrade', { agentcache_user_id: userId, tier }, options)
  database.fault = () => 'lose'
  expect((await change('business', { id })).status).toBe(500)
  database.fault = undefined
  await change('starter')
  expect((await change('business', { id })).body.account.tier).toBe('business')
  const { body } = await call(quota, 'GET', '/api/agentcache/quota', { as: account.api_key })
  expect(body.tier).toBe('starter')
})

test('what is repeated is known without Redis, too', async () => {
  redis.fault = () => 'refuse'
  const userId = newUser()
  const id = `msg_${randomUUID()}`
  const first = await ask(userId, { id })
  expect((await ask(userId, { id })).body.account).toEqual(first.body.account)
  expect((await ask(newUser(), { id })).status).toBe(409)
})

test('neither keys nor secrets are in the log when database or Redis fail', async () => {
  const lines: string[] = []
  for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, name).mockImplementation((...words) => void lines.push(words.join(' ')))
  const userId = newUser()
  const { account } = (await ask(userId)).body
  const faults = ['refuse', 'lose', { status: 500, body: '{"message":"no"}' }] as const
  for (const fault of faults) {
    database.fault = () => fault
    redis.fault = () => fault
    expect((await ask(userId)).status).toBe(500)
    expect((await ask(newUser())).status).toBe(500)
    await call(quota, 'GET', '/api/agentcache/quota', { as: account.api_key })
    await call(keys, 'POST', '/api/agentcache/keys', { as: account.api_secret, body: {} })
    await call(keys, 'POST', '/api/agentcache/keys', {
      as: account.api_secret,
      body: { secret: true },
    })
  }
  const log = lines.join('\n')
  expect(log).toContain('"internal"')
  expect(log).toContain('redis is away')
  const { env } = await import('../../../lib/env.ts')
  const secrets = [
    account.api_key,
    account.api_secret,
    env.AGENTCACHE_WEBHOOK_SECRET,
    env.JETTY_MASTER_KEY,
    env.UPSTASH_REDIS_REST_TOKEN,
  ]
  expect(secrets.filter((secret) => log.includes(secret))).toEqual([])
  expect(/jt_live_|jts_|whsec_|v1\.[0-9a-f]{8}\./.exec(log)).toBeNull()
})
