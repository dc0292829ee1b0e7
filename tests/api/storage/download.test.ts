import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { GET as getQuota } from '../../../api/agentcache/quota.ts'
import { GET } from '../../../api/storage/download.ts'
import { DELETE } from '../../../api/storage/files.ts'
import { query } from '../../../lib/db/client.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { uploadWhole } from '../../local/uploading.ts'

async function aFile(size = 5000, path = 'docs/a "b" 🚀.txt', tier = 'pro') {
  const account = await anAccount({ tier })
  const content = await aContent(size)
  const fileId = await uploadWhole(account.apiKey, content, path)
  const ask = (search: string, accept = 'application/json') =>
    call(GET, 'GET', `/api/storage/download?${search}`, { as: account.apiKey, headers: { accept } })
  const used = async () =>
    (await call(getQuota, 'GET', '/api/agentcache/quota', { as: account.apiKey })).body.bandwidth
      .usedBytes
  return { ...account, content, fileId, ask, used }
}

test('a download is a redirect to the bytes, as an attachment under its name', async () => {
  const { ask, fileId, content } = await aFile()
  const { status, headers } = await ask(`fileId=${fileId}`, '*/*')
  expect(status).toBe(302)
  const response = await fetch(headers.get('location') ?? '')
  expect(response.headers.get('content-disposition')).toContain(
    "filename*=UTF-8''a%20%22b%22%20%F0%9F%9A%80.txt",
  )
  expect(Buffer.from(await response.arrayBuffer()).equals(content.bytes)).toBe(true)
})

test('asked as JSON it says what is needed to fetch ranges over edges, for five minutes', async () => {
  const { ask, fileId, content } = await aFile()
  const { body } = await ask(`fileId=${fileId}`)
  expect(body).toMatchObject({
    expiresInSeconds: 300,
    fileSize: 5000,
    fileHash: content.fileHash,
    verified: true,
  })
  expect(body.edges.length).toBeGreaterThan(0)
  expect(body.grant.token).toEqual(expect.any(String))
  const response = await fetch(body.url, { headers: { range: 'bytes=10-19' } })
  expect(response.status).toBe(206)
  expect(Buffer.from(await response.arrayBuffer()).equals(content.bytes.subarray(10, 20))).toBe(
    true,
  )
})

test('bandwidth counts a download once; signing it again is free until its time is over', async () => {
  const { ask, used, fileId } = await aFile()
  const { downloadId } = (await ask(`fileId=${fileId}`)).body
  expect(await used()).toBe(5000)
  expect((await ask(`fileId=${fileId}&downloadId=${downloadId}`)).body.downloadId).toBe(downloadId)
  expect(await used()).toBe(5000)

  await query(
    sql`UPDATE downloads SET free_until = now() - interval '1 second' WHERE id = ${downloadId}`,
  )
  expect((await ask(`fileId=${fileId}&downloadId=${downloadId}`)).body.downloadId).not.toBe(
    downloadId,
  )
  expect(await used()).toBe(10_000)
})

test('a download id frees only the file it was made for', async () => {
  const [a, b] = [await aFile(), await aFile()]
  const { downloadId } = (await a.ask(`fileId=${a.fileId}`)).body
  await b.ask(`fileId=${b.fileId}&downloadId=${downloadId}`)
  expect(await b.used()).toBe(5000)

  const another = await uploadWhole(a.apiKey, await aContent(700), 'another')
  expect((await a.ask(`fileId=${another}&downloadId=${downloadId}`)).body.downloadId).not.toBe(
    downloadId,
  )
  expect(await a.used()).toBe(5700)
})

test('of many downloads that fit alone but not together, those that fit are granted', async () => {
  const { ask, accountId, fileId, used } = await aFile()
  await query(sql`
    INSERT INTO storage_usage (account_id, period_start, bandwidth_bytes)
    SELECT ${accountId}, date_trunc('month', now() AT TIME ZONE 'UTC')::date, bandwidth_quota_bytes - 12000
    FROM tier_configs WHERE tier = 'pro'`)
  const answers = await Promise.all(Array.from({ length: 6 }, () => ask(`fileId=${fileId}`)))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 403, 403, 403, 403])
  expect(answers.find(({ status }) => status === 403)?.body).toMatchObject({
    type: '/errors/bandwidth-exceeded',
    neededBytes: 5000,
  })
  expect(await used()).toBe(100 * 1024 ** 3 - 2000)
})

test('a tier without edges downloads directly', async () => {
  const { ask, fileId } = await aFile(100, 'a', 'starter')
  expect((await ask(`fileId=${fileId}`)).body).toMatchObject({ edges: [], grant: null })
})

test('files of others, trashed files and no files are 404; bad ids 400; no key 401', async () => {
  const { ask, fileId, apiKey } = await aFile()
  const other = await aFile()
  const statuses = await Promise.all(
    [other.fileId, randomUUID()].map(async (id) => (await ask(`fileId=${id}`)).status),
  )
  expect(statuses).toEqual([404, 404])
  expect((await ask('fileId=x')).status).toBe(400)
  expect((await call(GET, 'GET', `/api/storage/download?fileId=${fileId}`)).status).toBe(401)
  await call(DELETE, 'DELETE', `/api/storage/files?fileId=${fileId}`, { as: apiKey })
  expect((await ask(`fileId=${fileId}`)).status).toBe(404)
})
