import { expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'
import { ownDatabase } from './own-database.ts'

const client = await ownDatabase()
const { s3 } = await throughProxies()
const { createMultipartUpload, listMultipartUploads } = await import(
  '../../../lib/storage/multipart.ts'
)
const { headObject } = await import('../../../lib/storage/objects.ts')
const { s3: storeClient } = await import('../../../lib/storage/client.ts')
const { store } = await import('../../../lib/storage/config.ts')
const { sweep } = await import('../../../lib/sweep/sweep.ts')
const { anAccount } = await import('../../local/account.ts')
const { sendParts, uploader } = await import('../../local/uploading.ts')

const MIB = 1024 * 1024

async function aStarted() {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(17 * MIB)
  const [result] = (await uploader(apiKey).start([content, { path: 'a' }])).body.results
  const { rows } = await client.query('SELECT storage_key FROM uploads WHERE id = $1', [
    result.uploadId,
  ])
  const complete = async () => {
    await sendParts(result, content)
    await uploader(apiKey).complete(result.uploadId)
  }
  const abort = () => uploader(apiKey).abort(result.uploadId)
  const uploadId: string = result.uploadId
  return { accountId, complete, abort, uploadId, key: String(rows[0].storage_key) }
}

/** What a start leaves whose function died before its S3 side was recorded, while another one's was. */
const anOrphan = (key: string) => createMultipartUpload(key, { checksum: 'sha256' })

/** Lets the time pass in which functions work at an upload, and that of its URLs. */
async function letAge(uploadId: string) {
  await client.query(
    `UPDATE uploads SET updated_at = now() - interval '6 minutes', urls_expire_at = now() - interval '1 second'
     WHERE id = $1`,
    [uploadId],
  )
}

async function sweptAt(uploadId: string): Promise<Date | null> {
  const { rows } = await client.query('SELECT swept_at FROM uploads WHERE id = $1', [uploadId])
  return rows[0].swept_at
}

test('what a dead function left under the key of a completed upload is aborted, and the file stays', async () => {
  const { complete, uploadId, key } = await aStarted()
  await anOrphan(key)
  await complete()
  await letAge(uploadId)
  expect(await sweep()).toMatchObject({ orphans: 1 })
  expect(await listMultipartUploads(key)).toEqual([])
  expect(await headObject(key)).toMatchObject({ size: 17 * MIB })
})

test('an upload is done with only when the store was seen to have nothing more of it', async () => {
  const { abort, uploadId, key } = await aStarted()
  await abort()
  await anOrphan(key)
  await anOrphan(key)
  await letAge(uploadId)
  expect(await sweep()).toMatchObject({ orphans: 2 })
  expect(await sweptAt(uploadId)).toBe(null)
  expect(await sweep()).toMatchObject({ orphans: 0 })
  expect(await sweptAt(uploadId)).toBe(null)

  await letAge(uploadId)
  expect(await sweep()).toMatchObject({ orphans: 0 })
  expect(await sweptAt(uploadId)).toEqual(expect.any(Date))
  s3.passed.length = 0
  await sweep()
  expect(s3.passed).toEqual([])
})

test('nobody is disturbed: not an upload that is open or completing, nor one whose URLs live', async () => {
  const open = await aStarted()
  await letAge(open.uploadId)
  const completing = await aStarted()
  await letAge(completing.uploadId)
  await client.query(
    "UPDATE uploads SET state = 'completing', completing_since = now() WHERE id = $1",
    [completing.uploadId],
  )
  const living = await aStarted()
  await living.complete()
  await letAge(living.uploadId)
  await client.query(
    "UPDATE uploads SET urls_expire_at = now() + interval '1 hour' WHERE id = $1",
    [living.uploadId],
  )
  const recent = await aStarted()
  await recent.complete()
  await letAge(recent.uploadId)
  await client.query("UPDATE uploads SET updated_at = now() - interval '1 minute' WHERE id = $1", [
    recent.uploadId,
  ])
  for (const { key } of [living, recent]) await anOrphan(key)

  expect(await sweep()).toMatchObject({ orphans: 0 })
  for (const { key } of [open, completing, living, recent])
    expect(await listMultipartUploads(key)).toHaveLength(1)
})

test('an object that the store finished after its upload was aborted is deleted', async () => {
  const { abort, uploadId, key } = await aStarted()
  await abort()
  const { client: s3Client, sdk } = await storeClient()
  await s3Client.send(new sdk.PutObjectCommand({ Bucket: store.bucket, Key: key, Body: 'late' }))
  await letAge(uploadId)
  await sweep()
  expect(await headObject(key)).toBe(null)
  expect(await sweptAt(uploadId)).toEqual(expect.any(Date))
})

test('a store that refuses one key keeps the sweep from no other, and is asked again later', async () => {
  const [refused, other] = [await aStarted(), await aStarted()]
  for (const { abort, key, uploadId } of [refused, other]) {
    await abort()
    await anOrphan(key)
    await letAge(uploadId)
  }
  s3.fault = ({ url }) =>
    url.includes(refused.key.split('/').at(-1) ?? '') ? { status: 403, body: '' } : 'pass'
  expect(await sweep()).toMatchObject({ orphans: 1 })
  s3.fault = undefined
  expect(await listMultipartUploads(refused.key)).toHaveLength(1)
  expect(await sweptAt(refused.uploadId)).toBe(null)

  await letAge(refused.uploadId)
  expect(await sweep()).toMatchObject({ orphans: 1 })
  expect(await listMultipartUploads(refused.key)).toEqual([])
})

test('sweeps at the same time abort all, and fail at none', async () => {
  const started = [await aStarted(), await aStarted(), await aStarted(), await aStarted()]
  for (const { abort, key, uploadId } of started) {
    await abort()
    await anOrphan(key)
    await letAge(uploadId)
  }
  const swept = await Promise.all([sweep(), sweep()])
  expect(swept.reduce((sum, { orphans }) => sum + orphans, 0)).toBeGreaterThanOrEqual(4)
  for (const { key } of started) expect(await listMultipartUploads(key)).toEqual([])
})
