import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { GET } from '../../../api/storage/files.ts'
import { hashApiKey } from '../../../lib/accounts/api-key.ts'
import { forgetApiKeys } from '../../../lib/accounts/authenticate.ts'
import { query } from '../../../lib/db/client.ts'
import { redis } from '../../../lib/redis/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { call } from '../../local/request.ts'

const junk = [
  'not json',
  'null',
  '{}',
  '7',
  '{"status":"active"}',
  '{"id":"x","userId":"u","tier":"pro","status":"active"}',
  '{"id":["a"],"userId":"u","tier":"pro","status":"active"}',
  '{"callsPerMinute":0}',
  '{"id":"4f6c1a90-0d3c-4f0e-9c56-0e8a4a3f5b21","userId":"u","tier":"pro","status":"active"}',
]

test('a cached answer that is not an account, as of another version, counts as none', async () => {
  const { apiKey } = await anAccount()
  for (const text of junk) {
    await redis.set(`jetty:key:${hashApiKey(apiKey)}`, text)
    const { status } = await call(GET, 'GET', '/api/storage/files', { as: apiKey })
    expect({ text, status }).toEqual({ text, status: 200 })
  }
})

test('a cached answer for a key that this deployment cannot have made is never asked for', async () => {
  const { apiKey } = await anAccount()
  const forged = `${apiKey.slice(0, -1)}${apiKey.endsWith('A') ? 'B' : 'A'}`
  const account = { id: randomUUID(), userId: 'u', tier: 'pro', status: 'active' }
  await redis.set(`jetty:key:${hashApiKey(forged)}`, JSON.stringify(account))
  expect((await call(GET, 'GET', '/api/storage/files', { as: forged })).status).toBe(401)
})

test('a revoked or expired key is refused, and works until then', async () => {
  for (const change of [
    sql`revoked_at = now()`,
    sql`expires_at = now() - interval '1 second'`,
    sql`expires_at = now() + interval '1 hour'`,
  ]) {
    const { apiKey, accountId } = await anAccount()
    const list = () => call(GET, 'GET', '/api/storage/files', { as: apiKey })
    expect((await list()).status).toBe(200)
    const [row] = await query(sql`UPDATE api_keys SET ${change} WHERE account_id = ${accountId}
      RETURNING expires_at > now() AS still_good`)
    await forgetApiKeys([hashApiKey(apiKey)])
    expect((await list()).status).toBe(row?.still_good ? 200 : 401)
  }
})

test('a suspended account is told so, whether its key is cached or not', async () => {
  const { apiKey, accountId } = await anAccount()
  await query(sql`UPDATE agentcache_accounts SET status = 'suspended' WHERE id = ${accountId}`)
  for (let n = 0; n < 2; n++) {
    expect(await call(GET, 'GET', '/api/storage/files', { as: apiKey })).toMatchObject({
      status: 403,
      body: { type: '/errors/account-suspended' },
    })
  }
})
