import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import * as quota from '../../../api/agentcache/quota.ts'
import { POST } from '../../../api/agentcache/upgrade.ts'
import { query } from '../../../lib/db/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { uploader, uploadWhole, usageOf } from '../../local/uploading.ts'
import { SENDER, send, type WebhookOptions } from '../../local/webhook.ts'

const PATH = '/api/agentcache/upgrade'
const MIB = 1024 * 1024
const change = (userId: string, wanted: object, options: WebhookOptions = {}) =>
  send(POST, PATH, { agentcache_user_id: userId, ...wanted }, options)
const view = async (as: string) =>
  (await call(quota.GET, 'GET', '/api/agentcache/quota', { as })).body

test('a higher tier counts at once, for a key that is cached too', async () => {
  const { apiKey, userId } = await anAccount({ tier: 'starter' })
  expect(await view(apiKey)).toMatchObject({ tier: 'starter', jetty_speed_enabled: false })
  const limit = async () =>
    (await call(quota.GET, 'GET', '/api/agentcache/quota', { as: apiKey })).headers.get(
      'ratelimit-policy',
    )
  expect(await limit()).toBe('"calls";q=60;w=60')

  expect(await change(userId, { tier: 'business' })).toMatchObject({
    status: 200,
    body: {
      success: true,
      account: {
        tier: 'business',
        storage_quota_gb: 100,
        bandwidth_quota_gb: 500,
        jetty_speed_enabled: true,
      },
    },
  })
  expect(await view(apiKey)).toMatchObject({ tier: 'business', storage: { quota_gb: 100 } })
  expect(await limit()).toBe('"calls";q=1000;w=60')
})

test('new_tier means the same, and the same tier again changes nothing', async () => {
  const { userId } = await anAccount()
  expect((await change(userId, { new_tier: 'business' })).body.account.tier).toBe('business')
  expect((await change(userId, { tier: 'business' })).body.account.tier).toBe('business')
})

test('a smaller tier than what is used keeps every file, and refuses new ones with the reason', async () => {
  const { apiKey, userId, accountId } = await anAccount({ tier: 'pro' })
  const fileId = await uploadWhole(apiKey, await aContent(1000), 'kept')
  expect((await change(userId, { tier: 'free' })).status).toBe(200)

  const { start, list } = uploader(apiKey)
  expect(await start([await aContent(10), { path: 'new' }])).toMatchObject({
    status: 403,
    body: { type: '/errors/quota-exceeded', quota: { quotaBytes: 0, usedBytes: 1000 } },
  })
  expect((await list()).status).toBe(200)
  expect(await usageOf(accountId)).toEqual({ used: 1000, reserved: 0 })
  const { GET } = await import('../../../api/storage/files.ts')
  const { body } = await call(GET, 'GET', '/api/storage/files', { as: apiKey })
  expect(body.files.map((file: { fileId: string }) => file.fileId)).toEqual([fileId])
})

test('an upload that was open before a downgrade still completes: its bytes were reserved', async () => {
  const { apiKey, userId, accountId } = await anAccount({ tier: 'pro' })
  const { start, complete } = uploader(apiKey)
  const content = await aContent(17 * MIB)
  const { body } = await start([content, { path: 'a' }])
  await change(userId, { tier: 'free' })
  const { sendParts } = await import('../../local/uploading.ts')
  await sendParts(body.results[0], content)
  expect((await complete(body.results[0].uploadId)).body.results[0].status).toBe('stored')
  expect(await usageOf(accountId)).toEqual({ used: content.fileSize, reserved: 0 })
})

test('a repeated message does not act twice: what changed since then stays, and it is answered as before', async () => {
  const { apiKey, userId } = await anAccount({ tier: 'starter' })
  const id = `msg_${randomUUID()}`
  const first = await change(userId, { tier: 'pro' }, { id })
  await change(userId, { tier: 'business' })
  const again = await change(userId, { tier: 'pro' }, { id })
  expect(again.body).toEqual(first.body)
  expect((await view(apiKey)).tier).toBe('business')
  expect((await change(userId, { tier: 'free' }, { id })).status).toBe(409)
  expect((await view(apiKey)).tier).toBe('business')
})

test('20 repetitions at once act once', async () => {
  const { apiKey, userId } = await anAccount({ tier: 'starter' })
  const id = `msg_${randomUUID()}`
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => change(userId, { tier: 'pro' }, { id })),
  )
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  expect((await view(apiKey)).tier).toBe('pro')
})

test('suspended and deleted accounts are refused at once, each with its own problem, and come back', async () => {
  const { apiKey, userId } = await anAccount()
  await view(apiKey)
  for (const status of ['suspended', 'deleted']) {
    expect((await change(userId, { status })).body.account.status).toBe(status)
    expect((await view(apiKey)).type).toBe(`/errors/account-${status}`)
  }
  await change(userId, { status: 'active' })
  expect((await view(apiKey)).tier).toBe('pro')
})

test('a user without an account is 404, a body without a change 400, and nothing but a signature opens', async () => {
  const { userId } = await anAccount()
  expect((await change(`nobody-${randomUUID()}`, { tier: 'pro' })).status).toBe(404)
  expect((await change(userId, {})).status).toBe(400)
  expect((await change(userId, { tier: 'platinum' })).status).toBe(400)
  expect((await change(userId, { tier: 'free' }, { secrets: [SENDER.internal] })).status).toBe(401)
  const [row] = await query(
    sql`SELECT agentcache_tier FROM agentcache_accounts WHERE agentcache_user_id = ${userId}`,
  )
  expect(row?.agentcache_tier).toBe('pro')
})
