import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { POST } from '../../../api/agentcache/provision.ts'
import * as quota from '../../../api/agentcache/quota.ts'
import { query } from '../../../lib/db/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { call } from '../../local/request.ts'
import { SENDER, send, signedHeaders, type WebhookOptions } from '../../local/webhook.ts'

const PATH = '/api/agentcache/provision'
const newUser = () => `user-${randomUUID()}`
const bodyOf = (userId: string, more: object = {}) => ({
  agentcache_user_id: userId,
  agentcache_email: `${userId}@example.test`,
  tier: 'pro',
  ...more,
})
const provision = (body: unknown, options: WebhookOptions = {}) => send(POST, PATH, body, options)

async function accountsOf(userId: string): Promise<number> {
  const [row] = await query(
    sql`SELECT count(*)::int AS n FROM agentcache_accounts WHERE agentcache_user_id = ${userId}`,
  )
  return Number(row?.n)
}

test('a new user gets an account, a key that works at once, a secret and the tier it asked for', async () => {
  const userId = newUser()
  const { status, body } = await provision(bodyOf(userId))
  expect({ status, body }).toMatchObject({
    status: 201,
    body: {
      success: true,
      cached: false,
      account: {
        tier: 'pro',
        status: 'active',
        api_key: expect.stringMatching(/^jt_live_/),
        api_secret: expect.stringMatching(/^jts_[A-Za-z0-9_-]{43}$/),
        storage_quota_gb: 20,
        bandwidth_quota_gb: 100,
        jetty_speed_enabled: true,
        s3_bucket: 'jettyspeed',
        s3_prefix: `users/${userId}`,
      },
    },
  })
  const { body: view } = await call(quota.GET, 'GET', '/api/agentcache/quota', {
    as: body.account.api_key,
  })
  expect(view.tier).toBe('pro')
})

test('neither key nor secret is in the database in the clear', async () => {
  const userId = newUser()
  const { body } = await provision(bodyOf(userId, { webhook_url: 'https://example.com/hook' }))
  const { api_key, api_secret, webhook_secret } = body.account
  expect(webhook_secret).toMatch(/^whsec_/)
  const [row] = await query(sql`
    SELECT concat(
      (SELECT json_agg(a) FROM agentcache_accounts a WHERE agentcache_user_id = ${userId}),
      (SELECT json_agg(k) FROM api_keys k JOIN agentcache_accounts a ON a.id = k.account_id WHERE agentcache_user_id = ${userId}),
      (SELECT json_agg(c) FROM jettythunder_credentials c WHERE subject = ${userId}),
      (SELECT json_agg(e) FROM event_endpoints e JOIN agentcache_accounts a ON a.id = e.account_id WHERE agentcache_user_id = ${userId}),
      (SELECT json_agg(r) FROM webhook_receipts r)) AS everything`)
  const everything = String(row?.everything)
  expect(everything).toContain(userId)
  for (const secret of [api_key, api_secret, webhook_secret])
    expect(everything).not.toContain(secret)
})

test('50 calls at once make one account, and all are answered alike', async () => {
  const userId = newUser()
  const answers = await Promise.all(Array.from({ length: 50 }, () => provision(bodyOf(userId))))
  expect(await accountsOf(userId)).toBe(1)
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
  expect(answers.every(({ status }) => status === 200 || status === 201)).toBe(true)
  expect(new Set(answers.map(({ body }) => JSON.stringify(body.account))).size).toBe(1)
})

test('the same again is the same account and credentials; after 30 days without them', async () => {
  const userId = newUser()
  const first = await provision(bodyOf(userId))
  const again = await provision(bodyOf(userId))
  expect(again).toMatchObject({ status: 200, body: { cached: true, account: first.body.account } })

  await query(
    sql`UPDATE jettythunder_credentials SET expires_at = now() - interval '1 second' WHERE subject = ${userId}`,
  )
  const late = await provision(bodyOf(userId))
  expect(late).toMatchObject({
    status: 200,
    body: { account: { id: first.body.account.id, api_key: null, api_secret: null } },
  })
  expect(late.body.message).toContain('/api/agentcache/keys')
})

test('another email, tier or address for a known user is refused and changes nothing', async () => {
  const userId = newUser()
  const first = await provision(bodyOf(userId))
  for (const other of [
    { agentcache_email: 'other@example.test' },
    { tier: 'enterprise' },
    { webhook_url: 'https://example.com/hook' },
  ]) {
    expect(await provision(bodyOf(userId, other))).toMatchObject({
      status: 409,
      body: { type: '/errors/account-conflict' },
    })
  }
  expect((await provision(bodyOf(userId))).body.account).toEqual(first.body.account)
})

test('a repeated message id is answered alike, and with another body it is refused and makes nothing', async () => {
  const [userId, other] = [newUser(), newUser()]
  const id = `msg_${randomUUID()}`
  const first = await provision(bodyOf(userId), { id })
  expect((await provision(bodyOf(userId), { id })).body.account).toEqual(first.body.account)
  expect(await provision(bodyOf(other), { id })).toMatchObject({
    status: 409,
    body: { type: '/errors/webhook-conflict' },
  })
  expect(await accountsOf(other)).toBe(0)
})

test('what is not signed by the other side, or not now, is refused and makes nothing', async () => {
  const userId = newUser()
  const text = JSON.stringify(bodyOf(userId))
  const now = Math.floor(Date.now() / 1000)
  const wrong: [string, Record<string, string>][] = [
    ['nothing', {}],
    ['the wrong secret', signedHeaders(text, { secrets: [SENDER.internal] })],
    ['another body', signedHeaders(`${text} `, {})],
    ['6 minutes ago', signedHeaders(text, { timestamp: now - 360 })],
    ['in 6 minutes', signedHeaders(text, { timestamp: now + 360 })],
    ['another id', { ...signedHeaders(text, {}), 'webhook-id': 'msg_other' }],
    ['the secret as a bearer', { authorization: `Bearer ${SENDER.storage}` }],
    ['the CRON secret', { authorization: `Bearer ${process.env.CRON_SECRET}` }],
  ]
  for (const [name, headers] of wrong) {
    const { status } = await call(POST, 'POST', PATH, { body: text, headers })
    expect({ name, status }).toEqual({ name, status: 401 })
  }
  expect(await accountsOf(userId)).toBe(0)
})

test('one of several signatures suffices, so secrets can change', async () => {
  const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const { status } = await provision(bodyOf(newUser()), { secrets: [other, SENDER.storage] })
  expect(status).toBe(201)
})

test('bodies that are not right name the field', async () => {
  const cases: [object, string][] = [
    [{ tier: 'platinum' }, '/tier'],
    [{ agentcache_email: 'nobody' }, '/agentcache_email'],
    [{ agentcache_user_id: '..' }, '/agentcache_user_id'],
    [{ agentcache_user_id: 'a/b' }, '/agentcache_user_id'],
    [{ webhook_url: 'nonsense' }, '/webhook_url'],
  ]
  for (const [part, pointer] of cases) {
    const { status, body } = await provision(bodyOf(newUser(), part))
    expect({ status, pointer: body.errors?.[0]?.pointer }).toEqual({ status: 400, pointer })
  }
  expect((await provision(7)).status).toBe(400)
})
