import { expect, test } from 'vitest'
import { GET } from '../../../api/agentcache/quota.ts'
import { query } from '../../../lib/db/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { uploader, uploadWhole } from '../../local/uploading.ts'

const PATH = '/api/agentcache/quota'

test('used and reserved bytes stand beside the quota, in bytes and in GB', async () => {
  const { apiKey: as } = await anAccount()
  await uploadWhole(as, await aContent(3_000_000), 'a')
  await uploader(as).start([await aContent(1000), { path: 'b' }])

  const { status, body } = await call(GET, 'GET', PATH, { as })
  expect(status).toBe(200)
  expect(body).toMatchObject({
    tier: 'pro',
    jetty_speed_enabled: true,
    storage: {
      usedBytes: 3_000_000,
      reservedBytes: 1000,
      quotaBytes: 20 * 1024 ** 3,
      used_gb: 0.003,
      quota_gb: 20,
    },
    bandwidth: { usedBytes: 0, quotaBytes: 100 * 1024 ** 3, quota_gb: 100 },
  })
})

test('without a key, or with a revoked one, there is no answer', async () => {
  const { apiKey: as, accountId } = await anAccount()
  expect((await call(GET, 'GET', PATH)).status).toBe(401)
  await query(sql`UPDATE api_keys SET revoked_at = now() WHERE account_id = ${accountId}`)
  const { status, headers, body } = await call(GET, 'GET', PATH, { as })
  expect([status, body.type]).toEqual([401, '/errors/unauthorized'])
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect(headers.get('www-authenticate')).toMatch(/^Bearer/)
})

test('a suspended account is told so', async () => {
  const { apiKey: as, accountId } = await anAccount()
  await query(sql`UPDATE agentcache_accounts SET status = 'suspended' WHERE id = ${accountId}`)
  expect(await call(GET, 'GET', PATH, { as })).toMatchObject({
    status: 403,
    body: { type: '/errors/account-suspended' },
  })
})
