import { expect, test } from 'vitest'
import { GET } from '../../../api/agentcache/quota.ts'
import { GET as download } from '../../../api/storage/download.ts'
import { DELETE } from '../../../api/storage/files.ts'
import { query } from '../../../lib/db/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent, type TestContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { uploader, uploadWhole } from '../../local/uploading.ts'

const PATH = '/api/agentcache/quota'
const GIB = 1024 ** 3
const view = async (as: string) => (await call(GET, 'GET', PATH, { as })).body
const link = (as: string, fileId: string, downloadId?: string) =>
  call(
    download,
    'GET',
    `/api/storage/download?fileId=${fileId}${downloadId ? `&downloadId=${downloadId}` : ''}`,
    { as, headers: { accept: 'application/json' } },
  )

/** An account that has stored a file, and used so much of its bandwidth in a month, so many months ago. */
async function aDownloader(size: number, usedBytes: number, monthsAgo = 0) {
  const account = await anAccount({ tier: 'starter' })
  const fileId = await uploadWhole(account.apiKey, await aContent(size), 'file')
  await query(sql`
    INSERT INTO storage_usage (account_id, period_start, bandwidth_bytes, downloads)
    VALUES (${account.accountId}, (date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => ${monthsAgo}))::date,
      ${usedBytes}, 1)`)
  return { ...account, fileId }
}

test('used and reserved bytes stand beside the quota, in bytes, percent and GB', async () => {
  const { apiKey: as } = await anAccount()
  await uploadWhole(as, await aContent(3_000_000), 'a')
  await uploader(as).start([await aContent(1000), { path: 'b' }])

  const { status, body } = await call(GET, 'GET', PATH, { as })
  expect(status).toBe(200)
  expect(body).toEqual({
    tier: 'pro',
    jetty_speed_enabled: true,
    storage: {
      usedBytes: 3_000_000,
      reservedBytes: 1000,
      quotaBytes: 20 * GIB,
      percent: 0.01,
      used_gb: 3_000_000 / GIB,
      quota_gb: 20,
    },
    bandwidth: {
      usedBytes: 0,
      quotaBytes: 100 * GIB,
      percent: 0,
      used_gb: 0,
      quota_gb: 100,
    },
    features: { edges: true, connections: 16, fileBytesMax: 20 * GIB },
  })
})

test('percent is of what is used: an upload that is open may still come to nothing', async () => {
  const { apiKey: as, accountId } = await anAccount({ tier: 'starter' })
  await query(
    sql`UPDATE agentcache_accounts SET storage_used_bytes = ${GIB} WHERE id = ${accountId}`,
  )
  const { body } = await uploader(as).start([await aContent(17_000_000), { path: 'b' }])
  expect((await view(as)).storage).toMatchObject({ reservedBytes: 17_000_000, percent: 50 })
  await uploader(as).abort(body.results[0].uploadId)
  expect((await view(as)).storage).toMatchObject({ reservedBytes: 0, percent: 50 })
})

test('a file of one byte is seen, in GB too; what is in the trash counts until it is ended', async () => {
  const { apiKey: as } = await anAccount()
  const fileId = await uploadWhole(as, await aContent(1), 'a')
  expect((await view(as)).storage).toMatchObject({ usedBytes: 1, used_gb: 1 / GIB })
  const end = (more: string) =>
    call(DELETE, 'DELETE', `/api/storage/files?fileId=${fileId}${more}`, { as })
  await end('')
  expect((await view(as)).storage.usedBytes).toBe(1)
  await end('&permanent=true')
  expect((await view(as)).storage).toMatchObject({ usedBytes: 0, used_gb: 0 })
})

test('a thousand files of 5 MB are 5 GB, to the byte', async () => {
  const { apiKey: as } = await anAccount()
  const content = await aContent(5_000_000)
  await uploadWhole(as, content, 'file-0')
  const { start } = uploader(as)
  for (let first = 1; first < 1000; first += 100) {
    const numbers = Array.from({ length: Math.min(100, 1000 - first) }, (_, n) => first + n)
    const files = numbers.map((n): [TestContent, { path: string }] => [
      content,
      { path: `file-${n}` },
    ])
    const { body } = await start(...files)
    expect(new Set(body.results.map(({ status }: { status: string }) => status))).toEqual(
      new Set(['stored']),
    )
  }
  const { storage } = await view(as)
  expect(storage.usedBytes).toBe(5_000_000_000)
  expect(storage.used_gb.toFixed(2)).toBe('4.66')
})

test('a download counts once when it is granted, and not again while it is under way', async () => {
  const { apiKey: as, fileId } = await aDownloader(1_000_000, 0)
  const { downloadId } = (await link(as, fileId)).body
  expect((await view(as)).bandwidth.usedBytes).toBe(1_000_000)
  for (let n = 0; n < 3; n++) await link(as, fileId, downloadId)
  expect((await view(as)).bandwidth.usedBytes).toBe(1_000_000)
  await link(as, fileId)
  expect((await view(as)).bandwidth).toMatchObject({ usedBytes: 2_000_000, percent: 0.02 })
})

test('last month does not count: a quota that was used up is whole again', async () => {
  const month = (await aDownloader(1000, 10 * GIB, 1)).apiKey
  expect((await view(month)).bandwidth).toMatchObject({ usedBytes: 0, percent: 0 })
  const past = await aDownloader(1000, 10 * GIB, 1)
  expect((await link(past.apiKey, past.fileId)).status).toBe(200)
  const present = await aDownloader(1000, 10 * GIB)
  expect(await link(present.apiKey, present.fileId)).toMatchObject({
    status: 403,
    body: { type: '/errors/bandwidth-exceeded', bandwidthUsedBytes: 10 * GIB, neededBytes: 1000 },
  })
  expect((await view(present.apiKey)).bandwidth).toMatchObject({ percent: 100 })
})

test('of 20 downloads at once near the limit as many are granted as fit, and exactly those count', async () => {
  const { apiKey: as, fileId } = await aDownloader(1000, 10 * GIB - 7_500)
  const answers = await Promise.all(Array.from({ length: 20 }, () => link(as, fileId)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(7)
  expect(answers.filter(({ status }) => status === 403)).toHaveLength(13)
  expect((await view(as)).bandwidth.usedBytes).toBe(10 * GIB - 500)
})

test('what was granted under an id stays free when the month is used up', async () => {
  const { apiKey: as, fileId, accountId } = await aDownloader(1000, 0)
  const { downloadId } = (await link(as, fileId)).body
  await query(
    sql`UPDATE storage_usage SET bandwidth_bytes = ${10 * GIB} WHERE account_id = ${accountId}`,
  )
  expect((await link(as, fileId, downloadId)).status).toBe(200)
  expect((await link(as, fileId)).status).toBe(403)
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
