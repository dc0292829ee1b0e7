import { expect, test } from 'vitest'
import { query } from '../../../lib/db/client.ts'
import { contentKey, duplicatesOf, duplicatesStatement } from '../../../lib/duplicates/find.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent, type TestContent } from '../../local/content.ts'
import { uploadWhole } from '../../local/uploading.ts'

const find = async (accountId: string, ...contents: TestContent[]) =>
  duplicatesOf(await query(duplicatesStatement(accountId, contents)))

test('a content is found under its id and size, with the newest of its live files before those in the trash', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(100)
  for (const path of ['old', 'new/live.txt', 'trashed']) await uploadWhole(apiKey, content, path)
  const setTime = (path: string, hours: number) =>
    query(sql`UPDATE agentcache_assets SET updated_at = now() - make_interval(hours => ${hours})
      WHERE account_id = ${accountId} AND path = ${path}`)
  await setTime('old', 3)
  await setTime('new/live.txt', 2)
  await query(
    sql`UPDATE agentcache_assets SET trashed_at = now() WHERE account_id = ${accountId} AND path = 'trashed'`,
  )

  const found = await find(accountId, content, content, await aContent(100))
  expect([...found.keys()]).toEqual([`${content.fileHash} 100`])
  expect(contentKey(content)).toBe(`${content.fileHash} 100`)
  expect(found.get(contentKey(content))).toEqual({
    fileHash: content.fileHash,
    fileSize: 100,
    fileId: expect.any(String),
    fileName: 'live.txt',
    path: 'new/live.txt',
    contentType: 'application/octet-stream',
    trashed: false,
    uploadCount: 3,
    firstUploadedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  })

  await setTime('old', 1)
  expect((await find(accountId, content)).get(contentKey(content))?.path).toBe('old')
})

test('what was uploaded first is the time of the bytes, not of the file that has them', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(100)
  await uploadWhole(apiKey, content, 'a')
  await query(
    sql`UPDATE file_hashes SET created_at = '2020-02-03T04:05:06Z' WHERE account_id = ${accountId}`,
  )
  await uploadWhole(apiKey, content, 'b')
  const [found] = (await find(accountId, content)).values()
  expect(found).toMatchObject({ uploadCount: 2, firstUploadedAt: '2020-02-03T04:05:06.000Z' })
})

test('bytes that no file has any more are found without a file, until they are being deleted', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(100)
  await uploadWhole(apiKey, content, 'a')
  await query(sql`DELETE FROM agentcache_assets WHERE account_id = ${accountId}`)
  const [found] = (await find(accountId, content)).values()
  const none = { fileId: null, fileName: null, path: null, contentType: null }
  expect(found).toMatchObject({ ...none, trashed: false, uploadCount: 0 })

  await query(sql`UPDATE file_hashes SET state = 'deleting' WHERE account_id = ${accountId}`)
  expect((await find(accountId, content)).size).toBe(0)
})

test('no contents find nothing; a content of another size, or of another account, is not found', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(100)
  await uploadWhole(apiKey, content, 'a')
  expect((await find(accountId)).size).toBe(0)
  expect((await find(accountId, { ...content, fileSize: 99 })).size).toBe(0)
  expect((await find((await anAccount()).accountId, content)).size).toBe(0)
})
