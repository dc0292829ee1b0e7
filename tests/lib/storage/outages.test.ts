import { createServer, type RequestListener } from 'node:http'
import { expect, test } from 'vitest'
import { loadStorage, type Storage } from './open-store.ts'
import { listening } from './proxy.ts'

const PART = { partNumber: 1, size: 1, etag: 'e', sha256: null }
const COMPLETED = '<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>'

test('a store that fails is unavailable, after three attempts', async () => {
  const { storage, calls } = await answering(() => ({ status: 500, xml: error('InternalError') }))
  const unavailable = { slug: 'store-unavailable', status: 503 }
  await expect(storage.headObject('k')).rejects.toMatchObject(unavailable)
  expect(calls()).toBe(3)
  await expect(storage.deleteObject('k')).rejects.toMatchObject(unavailable)
  await expect(storage.listParts('k', 'u')).rejects.toMatchObject(unavailable)
})

test('a store that nobody runs is unavailable', async () => {
  const storage = await loadStorage('http://127.0.0.1:1')
  const refusal = storage.createMultipartUpload('k', { checksum: 'sha256' })
  await expect(refusal).rejects.toMatchObject({
    slug: 'store-unavailable',
    cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
  })
})

test('our own mistakes and refusals nobody expected are not called an outage', async () => {
  const { storage } = await answering(() => ({ status: 403, xml: error('AccessDenied') }))
  const refusal = storage.createMultipartUpload('k', { checksum: 'sha256' })
  await expect(refusal).rejects.toMatchObject({ name: 'AccessDenied' })
  const mistake = storage.askStore(async () => {
    throw new TypeError('a defect')
  })
  await expect(mistake).rejects.toThrow(TypeError)
})

test('a completion answered with 200 and an error is not a success', async () => {
  const { storage } = await answering(() => ({ status: 200, xml: error('InternalError') }))
  await expect(complete(storage)).rejects.toMatchObject({ slug: 'store-unavailable' })
})

test('a completion answered with 200 and nothing is not a success', async () => {
  const { storage } = await answering(() => ({ status: 200, xml: '' }))
  await expect(complete(storage)).rejects.toMatchObject({ slug: 'store-unavailable' })
})

test('a named refusal inside a 200 is that refusal', async () => {
  const { storage } = await answering(() => ({ status: 200, xml: error('InvalidPart') }))
  expect(await complete(storage)).toBe('invalid-part')
})

test('an error inside a 200 that passes is followed by the success', async () => {
  const { storage, calls } = await answering((call) => ({
    status: 200,
    xml: call === 1 ? error('InternalError') : COMPLETED,
  }))
  expect(await complete(storage)).toBe('completed')
  expect(calls()).toBe(2)
})

test('when the answer to a completion is lost, the retry finds the upload gone', async () => {
  const { storage } = await answering((call) =>
    call === 1 ? 'hang up' : { status: 404, xml: error('NoSuchUpload') },
  )
  expect(await complete(storage)).toBe('gone')
})

test('a store that repeats its page marker is not asked forever', async () => {
  const page = `<ListPartsResult><IsTruncated>true</IsTruncated>
    <NextPartNumberMarker>1</NextPartNumberMarker>
    <Part><PartNumber>1</PartNumber><Size>1</Size><ETag>e</ETag></Part></ListPartsResult>`
  const { storage, calls } = await answering(() => ({ status: 200, xml: page }))
  await storage.listParts('k', 'u')
  expect(calls()).toBe(2)
})

function complete(storage: Storage) {
  return storage.completeMultipartUpload('k', 'u', [PART], 'md5')
}

function error(code: string): string {
  return `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>m</Message></Error>`
}

type Answer = { status: number; xml: string } | 'hang up'

/** A store that answers each call, counted from 1, as the test says. */
async function answering(answer: (call: number) => Answer) {
  let calls = 0
  const listener: RequestListener = (request, response) => {
    request.resume()
    const reply = answer(++calls)
    if (reply === 'hang up') return void request.socket.destroy()
    response.writeHead(reply.status, { 'content-type': 'application/xml' }).end(reply.xml)
  }
  const endpoint = await listening(createServer(listener))
  return { storage: await loadStorage(endpoint), calls: () => calls }
}
