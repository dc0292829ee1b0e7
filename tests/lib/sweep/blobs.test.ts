import { expect, test } from 'vitest'
import { aContent, type TestContent } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'
import type { Fault } from '../../local/proxy.ts'
import { call } from '../../local/request.ts'
import { whileHalfWay } from './half-way.ts'
import { ownDatabase } from './own-database.ts'

const client = await ownDatabase()
const { s3 } = await throughProxies()
const { GET: download } = await import('../../../api/storage/download.ts')
const { DELETE } = await import('../../../api/storage/files.ts')
const { manifestKeyOf } = await import('../../../lib/storage/keys.ts')
const { headObject } = await import('../../../lib/storage/objects.ts')
const { sweep } = await import('../../../lib/sweep/sweep.ts')
const { anAccount } = await import('../../local/account.ts')
const { describe, uploadDescribed } = await import('../../local/delta.ts')
const { uploader, uploadWhole, usageOf } = await import('../../local/uploading.ts')

const JSON_PLEASE = { accept: 'application/json' }
const remove = (as: string, fileId: string, permanent = true) =>
  call(DELETE, 'DELETE', `/api/storage/files?fileId=${fileId}&permanent=${permanent}`, { as })
const grant = (as: string, fileId: string) =>
  call(download, 'GET', `/api/storage/download?fileId=${fileId}`, { as, headers: JSON_PLEASE })

async function bytesOf(as: string, fileId: string): Promise<Buffer> {
  const { url } = (await grant(as, fileId)).body
  return Buffer.from(await (await fetch(url)).arrayBuffer())
}

async function blobsOf(accountId: string) {
  const { rows } = await client.query(
    'SELECT id, state, storage_key, last_referenced_at FROM file_hashes WHERE account_id = $1',
    [accountId],
  )
  return rows
}

async function letBlobsAge(accountId: string, age = '48 hours 1 minute') {
  await client.query(
    'UPDATE file_hashes SET last_referenced_at = now() - $2::interval WHERE account_id = $1',
    [accountId, age],
  )
}

async function aFile(content?: TestContent) {
  const { apiKey, accountId } = await anAccount()
  const kept = content ?? (await aContent(100))
  const fileId = await uploadWhole(apiKey, kept, 'a')
  const [{ storage_key: key }] = await blobsOf(accountId)
  return { apiKey, accountId, content: kept, fileId, key: String(key) }
}

/** A blob whose last file went, and whose grace period is over. */
async function aDueBlob(content?: TestContent) {
  const file = await aFile(content)
  await remove(file.apiKey, file.fileId)
  await letBlobsAge(file.accountId)
  return file
}

test('the bytes go when nothing has pointed at them for 48 hours, and not before', async () => {
  const { apiKey, accountId, fileId, key } = await aFile()
  await grant(apiKey, fileId)
  await letBlobsAge(accountId, '1 year')
  expect(await sweep()).toMatchObject({ blobs: 0 })
  await remove(apiKey, fileId)
  await letBlobsAge(accountId, '47 hours 59 minutes')
  expect(await sweep()).toMatchObject({ blobs: 0 })
  expect(await headObject(key)).toMatchObject({ size: 100 })

  await letBlobsAge(accountId)
  expect(await sweep()).toMatchObject({ blobs: 1 })
  expect(await headObject(key)).toBe(null)
  expect(await blobsOf(accountId)).toEqual([])
  expect(await sweep()).toMatchObject({ blobs: 0 })
})

test('an upload whose bytes are gone still says what it became', async () => {
  const { apiKey, accountId, fileId } = await aDueBlob()
  await sweep()
  const { rows } = await client.query('SELECT id, blob_id FROM uploads WHERE account_id = $1', [
    accountId,
  ])
  expect(rows).toMatchObject([{ blob_id: null }])
  expect((await uploader(apiKey).complete(rows[0].id)).body.results[0]).toMatchObject({
    status: 'stored',
    files: [{ path: 'a', fileId }],
  })
})

test('a file in the trash keeps its bytes', async () => {
  const { apiKey, accountId, fileId, key } = await aFile()
  await remove(apiKey, fileId, false)
  await letBlobsAge(accountId)
  expect(await sweep()).toMatchObject({ blobs: 0 })
  expect(await headObject(key)).toMatchObject({ size: 100 })
})

test('of several clones one deleted leaves the others whole; the bytes go after the last', async () => {
  const { apiKey, accountId, content, fileId, key } = await aFile()
  const clones = [await uploadWhole(apiKey, content, 'b'), await uploadWhole(apiKey, content, 'c')]
  expect(await usageOf(accountId)).toEqual({ used: 300, reserved: 0 })

  for (const next of [fileId, ...clones]) {
    expect(await bytesOf(apiKey, next)).toEqual(content.bytes)
    await remove(apiKey, next)
    await letBlobsAge(accountId)
    const isLast = next === clones[1]
    expect(await sweep()).toMatchObject({ blobs: isLast ? 1 : 0 })
    expect((await headObject(key)) === null).toBe(isLast)
  }
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
})

test('a clone made in the grace period saves the bytes, for as long as it is there', async () => {
  const { apiKey, accountId, content, fileId, key } = await aFile()
  await remove(apiKey, fileId)
  await letBlobsAge(accountId, '47 hours')
  const clone = await uploadWhole(apiKey, content, 'saved')
  await letBlobsAge(accountId)
  expect(await sweep()).toMatchObject({ blobs: 0 })
  expect(await bytesOf(apiKey, clone)).toEqual(content.bytes)
  expect((await blobsOf(accountId))[0].storage_key).toBe(key)
})

test('a clone that is only half-way when the sweep comes saves the bytes too', async () => {
  const { apiKey, accountId, content } = await aDueBlob()
  const clone = `INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via)
    SELECT account_id, id, 'saved', file_size, 'x/y', 'api' FROM file_hashes WHERE account_id = '${accountId}'`
  expect(await whileHalfWay(accountId, clone, sweep)).toMatchObject({ blobs: 0 })
  const { rows } = await client.query('SELECT id FROM agentcache_assets WHERE account_id = $1', [
    accountId,
  ])
  expect(await bytesOf(apiKey, rows[0].id)).toEqual(content.bytes)
})

test('whatever a clone and the sweep do at the same time, the file that was answered has its bytes', {
  timeout: 30_000,
}, async () => {
  const became = new Set<string>()
  for (let n = 0; n < 30; n++) {
    const { apiKey, accountId, content } = await aDueBlob()
    const start = uploader(apiKey).start([content, { path: 'again' }])
    const [{ blobs }, answer] = await Promise.all([sweep(), start])
    const [result] = answer.body.results
    became.add(`${result.status} ${blobs}`)
    const fileId =
      result.status === 'stored' ? result.fileId : await uploadWhole(apiKey, content, 'again')
    expect(await bytesOf(apiKey, fileId)).toEqual(content.bytes)
    expect(await usageOf(accountId)).toEqual({ used: 100, reserved: 0 })
  }
  for (const one of became) expect(['stored 0', 'open 1']).toContain(one)
})

test('content whose bytes are on their way out is uploaded anew, under another key', async () => {
  const { apiKey, accountId, content, key } = await aDueBlob()
  let fileId = ''
  s3.fault = async ({ method, url }): Promise<Fault> => {
    if (method === 'DELETE' && url.includes(key))
      fileId = await uploadWhole(apiKey, content, 'again')
    return 'pass'
  }
  expect(await sweep()).toMatchObject({ blobs: 1 })
  s3.fault = undefined
  expect(await bytesOf(apiKey, fileId)).toEqual(content.bytes)
  expect(await headObject(key)).toBe(null)
  expect(await blobsOf(accountId)).toMatchObject([{ state: 'live' }])
})

test('sweeps at the same time remove each blob, and fail at none', async () => {
  const { apiKey, accountId } = await anAccount()
  for (let n = 0; n < 5; n++)
    await remove(apiKey, await uploadWhole(apiKey, await aContent(10), `${n}`))
  await letBlobsAge(accountId)
  const swept = await Promise.all([sweep(), sweep(), sweep()])
  expect(swept.reduce((sum, { blobs }) => sum + blobs, 0)).toBe(5)
  expect(await blobsOf(accountId)).toEqual([])
})

test('one object that the store refuses to delete keeps no other, and is tried again behind them', async () => {
  const [refused, other] = [await aDueBlob(), await aDueBlob()]
  s3.fault = ({ url }) => (url.includes(refused.key) ? { status: 403, body: '' } : 'pass')
  expect(await sweep()).toMatchObject({ blobs: 1 })
  s3.fault = undefined
  expect(await headObject(other.key)).toBe(null)
  const [left] = await blobsOf(refused.accountId)
  expect(left.state).toBe('deleting')
  expect(Date.now() - left.last_referenced_at.getTime()).toBeLessThan(60_000)
  expect(await sweep()).toMatchObject({ blobs: 1 })
  expect(await headObject(refused.key)).toBe(null)
})

test('bytes that a file has are not removed, whatever their blob says', async () => {
  const { apiKey, accountId, content, fileId } = await aFile()
  await client.query("UPDATE file_hashes SET state = 'deleting' WHERE account_id = $1", [accountId])
  await letBlobsAge(accountId)
  expect(await sweep()).toMatchObject({ blobs: 0 })
  expect(await bytesOf(apiKey, fileId)).toEqual(content.bytes)
  await client.query("UPDATE file_hashes SET state = 'live' WHERE account_id = $1", [accountId])
})

test('blobs with files are looked at once in a grace period, and do not hide those without', async () => {
  const { accountId } = await aFile()
  await client.query(
    `INSERT INTO file_hashes (account_id, file_hash, file_size, storage_key, etag, verified, last_referenced_at)
     SELECT $1::uuid, 'h' || n, n, 'k/' || $1::text || n, 'e', true, now() - interval '2 years' FROM generate_series(1, 6000) n`,
    [accountId],
  )
  await client.query(
    `INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via)
     SELECT account_id, id, file_hash, file_size, 'x/y', 'api' FROM file_hashes WHERE account_id = $1 AND file_hash LIKE 'h%'`,
    [accountId],
  )
  const due = await aDueBlob()
  await letBlobsAge(due.accountId, '1 year')
  expect(await sweep()).toMatchObject({ blobs: 0 })
  expect(await sweep()).toMatchObject({ blobs: 1 })
  const { rows } = await client.query(
    "SELECT count(*)::int FROM file_hashes WHERE last_referenced_at < now() - interval '48 hours'",
  )
  expect(rows).toEqual([{ count: 0 }])
})

test('the manifest goes with the bytes, and what it was charged with the row: not before', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(6 * 1024 * 1024)
  const fileId = await uploadDescribed(apiKey, content, 'a')
  const manifest = (await describe(content)).manifestBytes.length
  const [{ storage_key: key }] = await blobsOf(accountId)
  expect(await headObject(manifestKeyOf(key))).toMatchObject({ size: manifest })
  await remove(apiKey, fileId)
  await letBlobsAge(accountId, '47 hours')
  expect(await sweep()).toMatchObject({ blobs: 0 })
  expect(await usageOf(accountId)).toEqual({ used: manifest, reserved: 0 })

  await letBlobsAge(accountId)
  s3.fault = ({ method, url }) =>
    method === 'DELETE' && url.includes('.manifest') ? { status: 403, body: '' } : 'pass'
  expect(await sweep()).toMatchObject({ blobs: 0 })
  s3.fault = undefined
  expect(await usageOf(accountId)).toEqual({ used: manifest, reserved: 0 })

  await client.query('UPDATE agentcache_accounts SET warned_percent = 80 WHERE id = $1', [
    accountId,
  ])
  expect(await sweep()).toMatchObject({ blobs: 1 })
  expect(await headObject(key)).toBe(null)
  expect(await headObject(manifestKeyOf(key))).toBe(null)
  const { rows } = await client.query(
    `SELECT storage_used_bytes::int AS used, warned_percent,
      (SELECT count(*)::int FROM blob_sketches WHERE account_id = a.id) AS sketches
     FROM agentcache_accounts a WHERE id = $1`,
    [accountId],
  )
  expect(rows).toEqual([{ used: 0, warned_percent: 0, sketches: 0 }])
})
