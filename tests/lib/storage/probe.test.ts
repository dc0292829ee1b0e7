import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { loadStorage, openStore, type Storage } from './open-store.ts'
import { listening, startProxy } from './proxy.ts'

test('the probe sees what a strict store does', async () => {
  const storage = await openStore('aws')
  const { probedAt, ...seen } = await storage.probeStore()
  expect(seen).toEqual({
    checksum: 'sha256',
    partEtagIsMd5: true,
    copyDigest: true,
    conditionalComplete: true,
    cors: true,
    unsignedCopySource: 'refused',
  })
  expect(Math.abs(Date.parse(probedAt) - Date.now())).toBeLessThan(10_000)
  expect(await everything(storage)).toEqual([])
})

test('the probe sees what a lax store does not do, and that the guard prevents its copies', async () => {
  const storage = await openStore('compat')
  const { probedAt: _, ...seen } = await storage.probeStore()
  expect(seen).toEqual({
    checksum: 'md5',
    partEtagIsMd5: true,
    copyDigest: false,
    conditionalComplete: false,
    cors: true,
    unsignedCopySource: 'guarded',
  })
  expect(await everything(storage)).toEqual([])
})

test('a store that copies ranges of large objects only, as AWS does, is asked with a large one', async () => {
  const direct = await openStore('aws')
  const storage = await loadStorage(
    await startProxy(direct.store.endpoint, ({ headers }) => {
      const isSmall = String(headers['x-amz-copy-source']).includes('/small')
      return isSmall && 'x-amz-copy-source-range' in headers ? 400 : null
    }),
  )
  const seen = await storage.probeStore()
  expect(seen).toMatchObject({ checksum: 'sha256', copyDigest: true })
  expect(await everything(direct)).toEqual([])
})

test('a guard that another, unsigned precondition overrides is none', async () => {
  const direct = await openStore('compat')
  const { client, sdk } = await direct.s3()
  const Bucket = direct.store.bucket
  const storage = await loadStorage(
    await startProxy(direct.store.endpoint, async ({ headers, url = '' }) => {
      const { pathname, searchParams } = new URL(url, 'http://store')
      if (!headers['x-amz-copy-source-if-unmodified-since'] || searchParams.has('uploadId')) {
        return null
      }
      const Key = decodeURIComponent(pathname.slice(`/${Bucket}/`.length))
      const CopySource = String(headers['x-amz-copy-source'])
      await client.send(new sdk.CopyObjectCommand({ Bucket, Key, CopySource }))
      return 200
    }),
  )
  expect(await storage.probeStore()).toMatchObject({ unsignedCopySource: 'honoured' })
})

test('a store that cannot copy parts is seen', async () => {
  const direct = await openStore('aws')
  const storage = await loadStorage(
    await startProxy(direct.store.endpoint, ({ headers }) =>
      'x-amz-copy-source-range' in headers ? 400 : null,
    ),
  )
  expect(await storage.probeStore()).toMatchObject({ checksum: 'sha256', copyDigest: false })
})

test('a store without CORS is seen', async () => {
  const storage = await openStore('aws', { cors: false })
  expect((await storage.probeStore()).cors).toBe(false)
})

test('a store that does not answer is unavailable, not incapable', async () => {
  const server = createServer((_, response) => response.writeHead(503).end())
  const storage = await loadStorage(await listening(server))
  await expect(storage.probeStore()).rejects.toMatchObject({ slug: 'store-unavailable' })
})

async function everything({ s3, store }: Storage): Promise<unknown[]> {
  const { client, sdk } = await s3()
  const objects = await client.send(new sdk.ListObjectsV2Command({ Bucket: store.bucket }))
  const uploads = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket: store.bucket }))
  return [...(objects.Contents ?? []), ...(uploads.Uploads ?? [])]
}
