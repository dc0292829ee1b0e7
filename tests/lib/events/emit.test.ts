import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { send } from '../../local/webhook.ts'
import { ownDatabase } from './own-database.ts'

await ownDatabase()
const { POST: upgrade } = await import('../../../api/agentcache/upgrade.ts')
const { POST: checkDuplicate } = await import('../../../api/jetty/check-duplicate.ts')
const { DELETE, PATCH } = await import('../../../api/storage/files.ts')
const { query, withAccountLocked } = await import('../../../lib/db/client.ts')
const { settleStatement } = await import('../../../lib/uploads/settle-statement.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { anAccount } = await import('../../local/account.ts')
const { sendParts, uploader, uploadWhole, usageOf } = await import('../../local/uploading.ts')
const { aListener, outboxOf } = await import('./listener.ts')

const FILES = '/api/storage/files'
const UPGRADE = '/api/agentcache/upgrade'
/** Nothing is sent in these tests. */
const URL = 'http://127.0.0.1:1/'
const QUOTA = 20 * 1024 ** 3

const remove = (as: string, fileId: string, permanent: boolean) =>
  call(DELETE, 'DELETE', `${FILES}?fileId=${fileId}&permanent=${permanent}`, { as })
const eventsOf = async (accountId: string) =>
  (await outboxOf(accountId)).map(({ type, data }) => ({ type, data }))
const typesOf = async (accountId: string) => (await outboxOf(accountId)).map(({ type }) => type)
const warningsOf = async (accountId: string) =>
  (await eventsOf(accountId)).filter(({ type }) => type === 'quota.warning').map(({ data }) => data)
const percentsOf = async (accountId: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: events are looked into by the tests
  (await warningsOf(accountId)).map((data: any) => data.percent)
const setUsed = (accountId: string, share: number) =>
  query(
    sql`UPDATE agentcache_accounts SET storage_used_bytes = ${Math.ceil(QUOTA * share)} WHERE id = ${accountId}`,
  )
const warnedOf = async (accountId: string) =>
  Number(
    (await query(sql`SELECT warned_percent FROM agentcache_accounts WHERE id = ${accountId}`))[0]
      ?.warned_percent,
  )

/** Uploads until nothing but completing is left. */
async function untilComplete(apiKey: string, bytes: number, path: string): Promise<string> {
  const content = await aContent(bytes)
  const [result] = (await uploader(apiKey).start([content, { path }])).body.results
  await sendParts(result, content)
  return result.uploadId
}

test('nobody is told who did not ask: no event without an endpoint, or with one that ended', async () => {
  const silent = await anAccount()
  const ended = await aListener(URL)
  await query(
    sql`UPDATE event_endpoints SET disabled_at = now() WHERE account_id = ${ended.accountId}`,
  )
  for (const { apiKey, accountId, userId } of [silent, ended]) {
    await setUsed(accountId, 0.95)
    await remove(apiKey, await uploadWhole(apiKey, await aContent(10), 'a'), true)
    await send(upgrade, UPGRADE, { agentcache_user_id: userId, tier: 'business' })
    expect(await outboxOf(accountId)).toEqual([])
  }
})

test('one upload is one event with all files that it became, and completing again is none', async () => {
  const { apiKey, accountId } = await aListener(URL)
  const { start, complete } = uploader(apiKey)
  await uploadWhole(apiKey, await aContent(10), 'taken')
  const content = await aContent(2000)
  const { body } = await start(
    [content, { path: 'b' }],
    [content, { path: 'a' }],
    [content, { path: 'later', ifNew: true }],
  )
  const [{ uploadId }] = body.results
  await uploadWhole(apiKey, await aContent(11), 'later')
  await sendParts(body.results[0], content)
  const [{ files }] = (await complete(uploadId)).body.results
  await Promise.all([complete(uploadId), complete(uploadId)])

  const events = await eventsOf(accountId)
  expect(events.map(({ type }) => type)).toEqual(Array(3).fill('upload.completed'))
  const idAt = (path: string) => files.find((file: { path: string }) => file.path === path)?.fileId
  expect(events[2]?.data).toEqual({
    uploadId,
    fileHash: content.fileHash,
    fileSize: 2000,
    files: [
      { fileId: idAt('a'), path: 'a' },
      { fileId: idAt('b'), path: 'b' },
    ],
  })
})

test('of many uploads completed at once each is an event', async () => {
  const { apiKey, accountId } = await aListener(URL)
  const ids = await Promise.all(
    Array.from({ length: 8 }, (_, n) => untilComplete(apiKey, 100 + n, `p${n % 2}`)),
  )
  await Promise.all([
    uploader(apiKey).complete(...ids.slice(0, 4)),
    uploader(apiKey).complete(...ids.slice(4)),
  ])
  const events = await eventsOf(accountId)
  // biome-ignore lint/suspicious/noExplicitAny: events are looked into by the tests
  expect(events.map(({ data }: any) => data.uploadId).sort()).toEqual([...ids].sort())
})

test('a clone is no upload, and a file that was replaced is not deleted', async () => {
  const { apiKey, accountId } = await aListener(URL)
  const content = await aContent(100)
  await uploadWhole(apiKey, content, 'a')
  await uploadWhole(apiKey, content, 'copy')
  await uploadWhole(apiKey, await aContent(101), 'a')
  expect(await typesOf(accountId)).toEqual(['upload.completed', 'upload.completed'])
})

test('a deletion is an event: to the trash once, then for good', async () => {
  const { apiKey, accountId } = await aListener(URL)
  const fileId = await uploadWhole(apiKey, await aContent(100), 'docs/a')
  const [trashed] = await Promise.all([
    remove(apiKey, fileId, false),
    remove(apiKey, fileId, false),
  ])
  expect(trashed.body).toEqual({ fileId, trashedAt: expect.any(String) })
  await remove(apiKey, fileId, false)
  const data = { fileId, path: 'docs/a', fileSize: 100 }
  expect((await eventsOf(accountId)).slice(1)).toEqual([
    { type: 'file.deleted', data: { ...data, permanent: false } },
  ])

  const statuses = await Promise.all([1, 2, 3].map(() => remove(apiKey, fileId, true)))
  expect(statuses.map(({ status }) => status).sort()).toEqual([200, 404, 404])
  expect((await eventsOf(accountId)).slice(2)).toEqual([
    { type: 'file.deleted', data: { ...data, permanent: true } },
  ])
})

test('a restored file may be deleted again, which is another event', async () => {
  const { apiKey, accountId } = await aListener(URL)
  const fileId = await uploadWhole(apiKey, await aContent(100), 'a')
  await remove(apiKey, fileId, false)
  await call(PATCH, 'PATCH', FILES, { as: apiKey, body: { fileId, trashed: false } })
  await remove(apiKey, fileId, false)
  expect(await typesOf(accountId)).toEqual(['upload.completed', 'file.deleted', 'file.deleted'])
})

test('what others do is not told, and what is nobody’s is no event', async () => {
  const [one, other] = await Promise.all([aListener(URL), aListener(URL)])
  const fileId = await uploadWhole(one.apiKey, await aContent(100), 'a')
  expect((await remove(other.apiKey, fileId, true)).status).toBe(404)
  expect(await outboxOf(other.accountId)).toEqual([])
  expect(await typesOf(one.accountId)).toEqual(['upload.completed'])
})

test('a transaction that does not come to its end emits nothing', async () => {
  const { apiKey, accountId } = await aListener(URL)
  await setUsed(accountId, 0.9)
  const id = await untilComplete(apiKey, 100, 'a')
  await query(sql`DELETE FROM event_outbox WHERE account_id = ${accountId}`)
  await query(
    sql`UPDATE uploads SET state = 'completing', completing_since = now() WHERE id = ${id}`,
  )
  const failing = withAccountLocked(accountId, [
    settleStatement(accountId, [{ id, etag: 'e', verified: true }]),
    sql`SELECT 1 / (SELECT count(*) - 1 FROM uploads WHERE id = ${id})`,
  ])
  await expect(failing).rejects.toThrow(/division by zero/)
  expect(await outboxOf(accountId)).toEqual([])
})

test('80, 90 and 100 percent are warned of once each on the way up, and again after a way down', async () => {
  const { apiKey, accountId } = await aListener(URL)
  await setUsed(accountId, 0.7999999)
  const big = await uploadWhole(apiKey, await aContent(3000), 'a')
  expect(await warningsOf(accountId)).toEqual([
    { percent: 80, usedBytes: (await usageOf(accountId)).used, quotaBytes: QUOTA },
  ])
  await uploadWhole(apiKey, await aContent(10), 'b')
  expect(await percentsOf(accountId)).toEqual([80])

  await remove(apiKey, big, false)
  expect(await warnedOf(accountId)).toBe(80)
  await remove(apiKey, big, true)
  expect(await warnedOf(accountId)).toBe(0)
  await uploadWhole(apiKey, await aContent(3000), 'c')
  expect(await percentsOf(accountId)).toEqual([80, 80])

  await setUsed(accountId, 0.8999999)
  await uploadWhole(apiKey, await aContent(3000), 'd')
  await query(
    sql`UPDATE agentcache_accounts SET storage_used_bytes = ${QUOTA - 500} WHERE id = ${accountId}`,
  )
  await uploadWhole(apiKey, await aContent(500), 'e')
  expect(await percentsOf(accountId)).toEqual([80, 80, 90, 100])
})

test('who rises by more than one level at once is warned of the highest alone', async () => {
  const { apiKey, accountId } = await aListener(URL)
  await setUsed(accountId, 0.5)
  const id = await untilComplete(apiKey, 1000, 'a')
  await setUsed(accountId, 0.91)
  await uploader(apiKey).complete(id)
  expect(await percentsOf(accountId)).toEqual([90])
})

test('many uploads at once that cross a level together are one warning', async () => {
  const { apiKey, accountId } = await aListener(URL)
  await setUsed(accountId, 0.7999999)
  const ids = await Promise.all(
    Array.from({ length: 10 }, (_, n) => untilComplete(apiKey, 3000, `p${n}`)),
  )
  await Promise.all(ids.map((id) => uploader(apiKey).complete(id)))
  expect(await percentsOf(accountId)).toEqual([80])
})

test('a reservation is not usage: starting an upload warns of nothing', async () => {
  const { apiKey, accountId } = await aListener(URL)
  await setUsed(accountId, 0.7999999)
  const { body } = await uploader(apiKey).start([await aContent(5000), { path: 'a' }])
  expect(body.results[0].status).toBe('open')
  expect(await warningsOf(accountId)).toEqual([])
})

test('a clone is usage, however it is made', async () => {
  const { apiKey, accountId } = await aListener(URL)
  const content = await aContent(3000)
  await uploadWhole(apiKey, content, 'a')
  await setUsed(accountId, 0.7999999)
  expect((await uploader(apiKey).start([content, { path: 'b' }])).body.results[0].status).toBe(
    'stored',
  )
  await setUsed(accountId, 0.8999999)
  const { fileHash, fileSize } = content
  const body = { fileHash, fileSize, path: 'c' }
  expect(
    (await call(checkDuplicate, 'POST', '/api/jetty/check-duplicate', { as: apiKey, body })).status,
  ).toBe(200)
  expect(await percentsOf(accountId)).toEqual([80, 90])
})

test('who asks to be told above a level hears of it with the next change', async () => {
  const { apiKey, accountId } = await anAccount()
  await setUsed(accountId, 0.85)
  await uploadWhole(apiKey, await aContent(10), 'a')
  const { setEndpoint } = await import('../../../lib/events/endpoint.ts')
  await setEndpoint(accountId, URL)
  expect(await percentsOf(accountId)).toEqual([])
  await uploadWhole(apiKey, await aContent(11), 'b')
  await setEndpoint(accountId, URL)
  await uploadWhole(apiKey, await aContent(12), 'c')
  expect(await percentsOf(accountId)).toEqual([80])
})

test('a smaller tier may be a warning, a larger one ends it', async () => {
  const { userId, accountId } = await aListener(URL)
  const change = (tier: string) => send(upgrade, UPGRADE, { agentcache_user_id: userId, tier })
  await setUsed(accountId, 0.5)
  await change('free')
  expect(await eventsOf(accountId)).toEqual([
    { type: 'account.tier_changed', data: { tier: 'free', previousTier: 'pro' } },
    { type: 'quota.warning', data: { percent: 100, usedBytes: QUOTA / 2, quotaBytes: 0 } },
  ])
  await change('pro')
  expect(await warnedOf(accountId)).toBe(0)
  await change('free')
  expect(await percentsOf(accountId)).toEqual([100, 100])
})

test('an account without storage is not full while it is empty', async () => {
  const { apiKey, accountId } = await aListener(URL, { tier: 'free' })
  await uploader(apiKey).start([await aContent(10), { path: 'a' }])
  expect(await warnedOf(accountId)).toBe(0)
  expect(await outboxOf(accountId)).toEqual([])
})

test('whatever the usage does, a level is warned of exactly when it is above all that was warned of since it was lower', async () => {
  const { warnStatement } = await import('../../../lib/events/warn-quota.ts')
  const levelOf = (share: number) => [100, 90, 80].find((level) => share * 100 >= level) ?? 0
  const shares = fc.array(fc.constantFrom(0, 0.5, 0.79, 0.8, 0.89, 0.9, 0.99, 1, 1.2), {
    minLength: 3,
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(shares, async (way) => {
      const { accountId } = await aListener(URL)
      const expected: number[] = []
      let warned = 0
      for (const share of way) {
        await setUsed(accountId, share)
        await Promise.all(
          [1, 2].map(() => withAccountLocked(accountId, [warnStatement(sql`a.id = ${accountId}`)])),
        )
        const level = levelOf(share)
        if (level > warned) expected.push(level)
        warned = level
      }
      expect(await percentsOf(accountId)).toEqual(expected)
    }),
    { numRuns: 15 },
  )
})
