import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { DELETE, GET, POST } from '../../../api/agentcache/keys.ts'
import { POST as provision } from '../../../api/agentcache/provision.ts'
import * as quota from '../../../api/agentcache/quota.ts'
import { query } from '../../../lib/db/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { call } from '../../local/request.ts'
import { send } from '../../local/webhook.ts'

const PATH = '/api/agentcache/keys'
const PROVISION = '/api/agentcache/provision'

async function aHolder() {
  const userId = `user-${randomUUID()}`
  const body = {
    agentcache_user_id: userId,
    agentcache_email: `${userId}@example.test`,
    tier: 'pro',
  }
  const { account } = (await send(provision, PROVISION, body)).body
  const secret: string = account.api_secret
  return {
    userId,
    apiKey: account.api_key as string,
    secret,
    again: async () => (await send(provision, PROVISION, body)).body,
    rotate: (wanted: object = {}) => call(POST, 'POST', PATH, { as: secret, body: wanted }),
    list: async () => (await call(GET, 'GET', PATH, { as: secret })).body.keys,
    revoke: (keyId: string) => call(DELETE, 'DELETE', `${PATH}?keyId=${keyId}`, { as: secret }),
  }
}

const works = async (as: string) =>
  (await call(quota.GET, 'GET', '/api/agentcache/quota', { as })).status === 200

test('a new key works beside the old one, which ends after the overlap', async () => {
  const { apiKey, userId, rotate, list } = await aHolder()
  await works(apiKey)
  const { body } = await rotate({ overlapSeconds: 3600 })
  expect(body).toMatchObject({ apiKey: expect.stringMatching(/^jt_live_/), expiresAt: null })
  expect([await works(apiKey), await works(body.apiKey)]).toEqual([true, true])

  const keys = await list()
  expect(keys).toHaveLength(2)
  expect(keys[0]).toMatchObject({ keyId: body.keyId, expiresAt: null })
  const left = Date.parse(keys[1].expiresAt) - Date.now()
  expect(left).toBeGreaterThan(3_500_000)
  expect(left).toBeLessThanOrEqual(3_600_000)

  await query(sql`UPDATE api_keys SET expires_at = now() WHERE expires_at > now()
    AND account_id = (SELECT id FROM agentcache_accounts WHERE agentcache_user_id = ${userId})`)
  expect(await list()).toHaveLength(1)
})

test('without an overlap the old key ends at once, cached or not', async () => {
  const { apiKey, rotate } = await aHolder()
  expect(await works(apiKey)).toBe(true)
  const { body } = await rotate({ overlapSeconds: 0 })
  expect([await works(apiKey), await works(body.apiKey)]).toEqual([false, true])
})

test('at most two keys work at once, however often and however many at a time rotate', async () => {
  const { rotate, list } = await aHolder()
  for (let n = 0; n < 3; n++) await rotate()
  expect(await list()).toHaveLength(2)
  await Promise.all(Array.from({ length: 10 }, () => rotate()))
  expect(await list()).toHaveLength(2)
})

test('keys that ended are forgotten by a later rotation, so that no account has keys without end', async () => {
  const { userId, rotate } = await aHolder()
  const ofAccount = sql`account_id = (SELECT id FROM agentcache_accounts WHERE agentcache_user_id = ${userId})`
  const count = async () => (await query(sql`SELECT FROM api_keys WHERE ${ofAccount}`)).length
  for (let n = 0; n < 4; n++) await rotate({ overlapSeconds: 0 })
  expect(await count()).toBe(5)
  await query(
    sql`UPDATE api_keys SET expires_at = expires_at - interval '61 seconds' WHERE ${ofAccount}`,
  )
  const { body } = await rotate({ overlapSeconds: 0 })
  expect(await count()).toBe(2)
  expect(await works(body.apiKey)).toBe(true)
})

test('a longer overlap does not lengthen the life of a key that was already ending', async () => {
  const { rotate, list } = await aHolder()
  await rotate({ overlapSeconds: 10 })
  const [, ending] = await list()
  await rotate({ overlapSeconds: 3600 })
  expect((await list()).map((key: { keyId: string }) => key.keyId)).not.toContain(ending.keyId)
})

test('a revoked key is refused at once, and who was provisioned with it is not shown it again', async () => {
  const { apiKey, list, revoke, again } = await aHolder()
  expect(await works(apiKey)).toBe(true)
  const [{ keyId }] = await list()
  expect((await revoke(keyId)).status).toBe(200)
  expect(await works(apiKey)).toBe(false)
  expect(await list()).toEqual([])
  expect((await again()).account).toMatchObject({ api_key: null, api_secret: null })
  expect((await revoke('0'.repeat(16))).status).toBe(404)
})

test('a new secret ends the old one', async () => {
  const { secret, rotate } = await aHolder()
  const { body } = await rotate({ secret: true })
  expect(body.apiSecret).toMatch(/^jts_/)
  expect((await call(GET, 'GET', PATH, { as: secret })).status).toBe(401)
  expect((await call(GET, 'GET', PATH, { as: body.apiSecret })).status).toBe(200)
})

test('neither the API key nor a stranger opens this, and nobody sees or ends the keys of others', async () => {
  const [one, other] = await Promise.all([aHolder(), aHolder()])
  for (const as of [one.apiKey, `jts_${'a'.repeat(43)}`, 'jts_short', '']) {
    for (const [handler, method] of [
      [GET, 'GET'],
      [POST, 'POST'],
      [DELETE, 'DELETE'],
    ] as const) {
      const body = method === 'POST' ? {} : undefined
      const query = method === 'DELETE' ? `?keyId=${'0'.repeat(16)}` : ''
      expect((await call(handler, method, `${PATH}${query}`, { as, body })).status).toBe(401)
    }
  }
  const [{ keyId }] = await other.list()
  expect((await one.revoke(keyId)).status).toBe(404)
  expect(await works(other.apiKey)).toBe(true)
})

test('an overlap of more than 7 days, a negative one and unknown fields are refused', async () => {
  const { rotate, list } = await aHolder()
  for (const body of [
    { overlapSeconds: 604_801 },
    { overlapSeconds: -1 },
    { secret: false },
    { x: 1 },
  ])
    expect((await rotate(body)).status).toBe(400)
  expect(await list()).toHaveLength(1)
})

test('the secret of a suspended account opens nothing', async () => {
  const { userId, secret } = await aHolder()
  await query(
    sql`UPDATE agentcache_accounts SET status = 'suspended' WHERE agentcache_user_id = ${userId}`,
  )
  expect((await call(GET, 'GET', PATH, { as: secret })).body.type).toBe('/errors/account-suspended')
})
