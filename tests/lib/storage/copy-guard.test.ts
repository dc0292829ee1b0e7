import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { openStore, type Storage } from './open-store.ts'

const SECRET = Buffer.from('what another account stored, and nobody else may read')

test('on a store that honours an unsigned copy source, an unguarded URL would give away foreign objects', async () => {
  const storage = await openStore('compat')
  const victim = await storeVictim(storage)
  await steal(storage, victim, { isPart: false, guarded: false, size: 4 })
  expect((await storage.headObject('users/thief/1'))?.size).toBe(SECRET.length)
})

test.each([
  { isPart: false, size: 4 },
  { isPart: false, size: 0 },
  { isPart: false, size: SECRET.length },
  { isPart: true, size: 4 },
])('with the guard nobody copies a foreign object: %o', async (attempt) => {
  const storage = await openStore('compat')
  const victim = await storeVictim(storage)
  const past = new Date(Date.now() - 86_400_000).toUTCString()
  const future = new Date(Date.now() + 86_400_000).toUTCString()
  const etag = `"${createHash('md5').update(SECRET).digest('hex')}"`
  const allTricks: Record<string, string>[] = [
    {},
    { 'x-amz-copy-source-range': `bytes=0-${SECRET.length - 1}` },
    { 'x-amz-copy-source-if-unmodified-since': future },
    { 'x-amz-copy-source-if-modified-since': past },
    { 'x-amz-copy-source-if-none-match': '"other"' },
    { 'x-amz-copy-source-if-match': etag },
  ]
  for (const tricks of allTricks) {
    const answer = await steal(storage, victim, { ...attempt, guarded: true, tricks })
    expect(answer.status, JSON.stringify(tricks)).toBeGreaterThanOrEqual(400)
    expect(answer.stored).toEqual([])
  }
})

test('a strict store refuses an unsigned copy source without the guard', async () => {
  const storage = await openStore('aws')
  const victim = await storeVictim(storage)
  for (const isPart of [false, true]) {
    const answer = await steal(storage, victim, { isPart, guarded: false, size: 4 })
    expect(answer).toEqual({ status: 403, stored: [] })
  }
})

test('the guard does not stand in the way of an honest upload', async () => {
  const storage = await openStore('compat')
  const target = {
    key: 'k',
    s3UploadId: null,
    fileSize: 4,
    checksum: 'md5',
    guarded: true,
  } as const
  const body = Buffer.from('mine')
  const digest = createHash('md5').update(body).digest('base64')
  const { url, headers, signatures } = storage.signParts(target, [{ partNumber: 1, digest }], 60)
  const response = await fetch(url.replace('{signature}', signatures['1'] ?? ''), {
    method: 'PUT',
    body,
    headers: { ...headers, 'content-md5': digest },
  })
  expect(response.status).toBe(200)
  expect((await storage.headObject('k'))?.size).toBe(4)
})

async function storeVictim({ s3, store }: Storage): Promise<string> {
  const { client, sdk } = await s3()
  const Key = 'users/victim/1'
  await client.send(new sdk.PutObjectCommand({ Bucket: store.bucket, Key, Body: SECRET }))
  return `/${store.bucket}/${Key}`
}

type Theft = {
  isPart: boolean
  guarded: boolean
  size: number
  tricks?: Record<string, string>
}

/** Uses a URL that was signed for the thief's own bytes, with headers of the thief's choice. */
async function steal(storage: Storage, source: string, theft: Theft) {
  const key = 'users/thief/1'
  const { isPart, guarded, size, tricks } = theft
  const checksum = 'md5' as const
  const s3UploadId = isPart ? await storage.createMultipartUpload(key, { checksum }) : null
  const body = Buffer.alloc(size)
  const digest = createHash('md5').update(body).digest('base64')
  const object = { key, s3UploadId, fileSize: size, checksum, guarded }
  const { url, headers, signatures } = storage.signParts(object, [{ partNumber: 1, digest }], 60)
  const filled = url.replace('{partNumber}', '1').replace('{signature}', signatures['1'] ?? '')
  const { status } = await fetch(filled, {
    method: 'PUT',
    body,
    headers: { ...headers, 'content-md5': digest, 'x-amz-copy-source': source, ...tricks },
  })
  const parts = s3UploadId ? await storage.listParts(key, s3UploadId) : []
  const object1 = await storage.headObject(key)
  return { status, stored: [...(parts ?? []), ...(object1 ? [object1] : [])] }
}
