import { expect, test } from 'vitest'
import { query, withAccountLocked } from '../../../lib/db/client.ts'
import {
  type CloneCandidate,
  decideClonesStatement,
} from '../../../lib/uploads/decide-statement.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent, type TestContent } from '../../local/content.ts'
import { uploader, uploadWhole, usageOf } from '../../local/uploading.ts'

const candidate = ({ fileHash, fileSize }: TestContent, path: string, ifNew = false) => ({
  fileHash,
  fileSize,
  path,
  ifNew,
})

async function decide(accountId: string, ...candidates: CloneCandidate[]) {
  const [rows = []] = await withAccountLocked(accountId, [
    decideClonesStatement(accountId, candidates, 'desktop'),
  ])
  return rows.map(({ outcome }) => outcome)
}

async function savedBy(accountId: string) {
  const rows = await query(sql`
    SELECT file_hash, path, saved_bytes::int FROM user_file_references WHERE account_id = ${accountId} ORDER BY path`)
  return rows.map(({ file_hash, path, saved_bytes }) => ({
    fileHash: file_hash,
    path,
    saved_bytes,
  }))
}

test('every clone that a start places notes what it saved, also where the path has the content already', async () => {
  const { apiKey, accountId } = await anAccount({ bytesLeft: 2500 })
  const content = await aContent(1000)
  await uploadWhole(apiKey, content, 'a')
  expect(await savedBy(accountId)).toEqual([])

  const { body } = await uploader(apiKey).start(
    [content, { path: 'a' }],
    [content, { path: 'b' }],
    [content, { path: 'over-quota' }],
    [content, { path: 'a/new', ifNew: true }],
    [await aContent(10), { path: 'opened' }],
  )
  expect(body.results.map((one: { status?: string }) => one.status)).toEqual([
    'stored',
    'stored',
    undefined,
    undefined,
    'open',
  ])
  const { fileHash } = content
  expect(await savedBy(accountId)).toEqual([
    { fileHash, path: 'a', saved_bytes: 1000 },
    { fileHash, path: 'b', saved_bytes: 1000 },
  ])
})

test('of clones alone, what is not stored is a miss, whatever the path, the quota or an open upload say', async () => {
  const { apiKey, accountId } = await anAccount({ bytesLeft: 5000 })
  const [stored, open] = [await aContent(1000), await aContent(500)]
  await uploadWhole(apiKey, stored, 'stored')
  await uploader(apiKey).start([open, { path: 'open' }])
  const usage = await usageOf(accountId)

  const outcomes = await decide(
    accountId,
    candidate(open, 'open'),
    candidate(open, 'another'),
    candidate(await aContent(10), 'stored', true),
    { ...candidate(stored, 'wide'), fileSize: 2 ** 42 },
  )
  expect(outcomes).toEqual(['miss', 'miss', 'miss', 'miss'])
  expect(await usageOf(accountId)).toEqual(usage)
  const [row] = await query(sql`
    SELECT (SELECT count(*)::int FROM uploads WHERE account_id = ${accountId}) AS uploads,
      (SELECT count(*)::int FROM upload_targets t JOIN uploads u ON u.id = t.upload_id WHERE u.account_id = ${accountId}) AS targets`)
  expect(row).toEqual({ uploads: 2, targets: 2 })
})

test('of clones alone, what is stored is cloned even while an upload of it is open, and that stays as it is', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(500)
  await uploader(apiKey).start([content, { path: 'a' }])
  await query(sql`
    INSERT INTO file_hashes (account_id, file_hash, file_size, storage_key, etag, verified)
    VALUES (${accountId}, ${content.fileHash}, 500, ${`stored/${accountId}`}, 'e', true)`)
  const before = await query(sql`SELECT * FROM uploads WHERE account_id = ${accountId}`)
  expect(await decide(accountId, candidate(content, 'a'), candidate(content, 'b'))).toEqual([
    'clone',
    'clone',
  ])
  expect(await query(sql`SELECT * FROM uploads WHERE account_id = ${accountId}`)).toEqual(before)
  expect(await usageOf(accountId)).toEqual({ used: 1000, reserved: 500 })
})

test('clones are admitted in order as long as they fit; misses between them cost nothing', async () => {
  const { apiKey, accountId } = await anAccount({ bytesLeft: 3500 })
  const [large, small] = [await aContent(2000), await aContent(300)]
  await uploadWhole(apiKey, large, 'large')
  await uploadWhole(apiKey, small, 'small')
  const { used } = await usageOf(accountId)

  const outcomes = await decide(
    accountId,
    candidate(await aContent(5000), 'miss'),
    candidate(large, 'does not fit'),
    candidate(small, 'x'),
    candidate(small, 'large'),
    candidate(large, 'fits now, not then'),
    candidate(small, 'small', true),
    candidate(small, 'small'),
  )
  expect(outcomes).toEqual([
    'miss',
    'quota-exceeded',
    'clone',
    'clone',
    'clone',
    'path-taken',
    'clone',
  ])
  expect((await usageOf(accountId)).used).toBe(used + 300 - 1700 + 2000)
  expect((await savedBy(accountId)).map(({ path }) => path)).toEqual([
    'fits now, not then',
    'large',
    'small',
    'x',
  ])
})

test('a clone takes the type of the file it is a clone of: a live one before one in the trash, else none in particular', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(100)
  const typeOf = async (path: string) => {
    await decide(accountId, candidate(content, path))
    const [row] = await query(sql`
      SELECT content_type, uploaded_via FROM agentcache_assets WHERE account_id = ${accountId} AND path = ${path} AND trashed_at IS NULL`)
    return row
  }
  const setType = (path: string, type: string) =>
    query(sql`UPDATE agentcache_assets SET content_type = ${type}, updated_at = now() + interval '1 hour'
      WHERE account_id = ${accountId} AND path = ${path}`)
  await uploadWhole(apiKey, content, 'a')
  await uploadWhole(apiKey, content, 'b')
  await setType('a', 'video/mp4')
  await setType('b', 'text/plain')
  await query(
    sql`UPDATE agentcache_assets SET trashed_at = now() WHERE account_id = ${accountId} AND path = 'b'`,
  )
  expect(await typeOf('c')).toEqual({ content_type: 'video/mp4', uploaded_via: 'desktop' })

  await query(sql`DELETE FROM agentcache_assets WHERE account_id = ${accountId} AND path <> 'b'`)
  expect(await typeOf('d')).toMatchObject({ content_type: 'text/plain' })
  await query(sql`DELETE FROM agentcache_assets WHERE account_id = ${accountId}`)
  expect(await typeOf('e')).toMatchObject({ content_type: 'application/octet-stream' })
})

test('a start keeps the type that it names', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(100)
  await uploadWhole(apiKey, content, 'a')
  await uploader(apiKey).start([content, { path: 'b', contentType: 'image/png' }])
  const [row] = await query(
    sql`SELECT content_type FROM agentcache_assets WHERE account_id = ${accountId} AND path = 'b'`,
  )
  expect(row).toEqual({ content_type: 'image/png' })
})
