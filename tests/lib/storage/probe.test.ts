import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { loadStorage, openStore, type Storage } from './open-store.ts'

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

test('a store without CORS is seen', async () => {
  const storage = await openStore('aws', { cors: false })
  expect((await storage.probeStore()).cors).toBe(false)
})

test('a store that does not answer is unavailable, not incapable', async () => {
  const server = createServer((_, response) => response.writeHead(503).end())
  server.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  // A server that listens on a port has an AddressInfo.
  const { port } = server.address() as AddressInfo
  const storage = await loadStorage(`http://127.0.0.1:${port}`)
  await expect(storage.probeStore()).rejects.toMatchObject({ slug: 'store-unavailable' })
})

async function everything({ s3, store }: Storage): Promise<unknown[]> {
  const { client, sdk } = await s3()
  const objects = await client.send(new sdk.ListObjectsV2Command({ Bucket: store.bucket }))
  const uploads = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket: store.bucket }))
  return [...(objects.Contents ?? []), ...(uploads.Uploads ?? [])]
}
