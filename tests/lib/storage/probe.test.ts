import { createServer, type IncomingMessage, request, type Server } from 'node:http'
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

test('a store that copies ranges of large objects only, as AWS does, is asked with a large one', async () => {
  const direct = await openStore('aws')
  const storage = await loadStorage(
    await proxy(direct.store.endpoint, (request) => {
      const source = String(request.headers['x-amz-copy-source'] ?? '')
      return source.includes('/small') && 'x-amz-copy-source-range' in request.headers
    }),
  )
  const seen = await storage.probeStore()
  expect(seen).toMatchObject({ checksum: 'sha256', copyDigest: true })
  expect(await everything(direct)).toEqual([])
})

test('a store that cannot copy parts is seen', async () => {
  const direct = await openStore('aws')
  const storage = await loadStorage(
    await proxy(direct.store.endpoint, (request) => 'x-amz-copy-source-range' in request.headers),
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

/** Passes requests on, but answers 400 to those that `refuses` picks. The Host stays the one that was signed. */
async function proxy(endpoint: string, refuses: (request: IncomingMessage) => boolean) {
  const { hostname, port } = new URL(endpoint)
  const server = createServer((incoming, response) => {
    if (refuses(incoming)) {
      incoming.resume()
      response.writeHead(400).end('<Error><Code>InvalidRequest</Code></Error>')
      return
    }
    const { method, url: path, headers } = incoming
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    incoming.pipe(onward)
  })
  return await listening(server)
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await new Promise((resolve) => server.once('listening', resolve))
  // A server that listens on a port has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

async function everything({ s3, store }: Storage): Promise<unknown[]> {
  const { client, sdk } = await s3()
  const objects = await client.send(new sdk.ListObjectsV2Command({ Bucket: store.bucket }))
  const uploads = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket: store.bucket }))
  return [...(objects.Contents ?? []), ...(uploads.Uploads ?? [])]
}
