import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { compositeOf, contentIdOf } from '../../../lib/content/content-id.ts'
import { layoutOf, partRange } from '../../../lib/content/layout.ts'
import { loadStorage, openStore, type Storage } from './open-store.ts'
import { listening } from './proxy.ts'

const MIB = 1024 * 1024
const MODES = [
  { profile: 'aws', checksum: 'sha256' },
  { profile: 'aws', checksum: 'md5' },
  { profile: 'compat', checksum: 'md5' },
] as const

type Checksum = 'sha256' | 'md5'

test.each(MODES)(
  'parts go up by signed URLs and become the object: $profile, $checksum',
  async (mode) => {
    const storage = await openStore(mode.profile)
    const { checksum } = mode
    const key = 'users/u/some key with ümlaut'
    const bytes = randomBytes(17 * MIB)
    const layout = layoutOf(bytes.length)
    const s3UploadId = await storage.createMultipartUpload(key, { contentType: 'a/b', checksum })
    expect(await storage.listParts(key, s3UploadId)).toEqual([])

    const digests: Buffer[] = []
    for (let partNumber = 1; partNumber <= layout.partCount; partNumber++) {
      const { offset, length } = partRange(layout, partNumber)
      const part = bytes.subarray(offset, offset + length)
      digests.push(createHash('sha256').update(part).digest())
      const target = { key, s3UploadId, fileSize: bytes.length, checksum, guarded: true } as const
      expect((await send(storage, { target, partNumber, body: part })).status).toBe(200)
    }

    const parts = (await storage.listParts(key, s3UploadId)) ?? []
    expect(parts.map(({ partNumber }) => partNumber)).toEqual([1, 2, 3, 4])
    expect(parts.map(({ size }) => size)).toEqual([5 * MIB, 5 * MIB, 5 * MIB, 2 * MIB])
    expect(parts[3]?.etag).toBe(md5(bytes.subarray(15 * MIB)).toString('hex'))
    const listed = parts.map(({ sha256 }) => sha256)
    const expected = digests.map((digest) => digest.toString('base64'))
    expect(listed).toEqual(checksum === 'sha256' ? expected : [null, null, null, null])

    expect(await storage.completeMultipartUpload(key, s3UploadId, parts, checksum)).toBe(
      'completed',
    )
    const head = await storage.headObject(key)
    const composite = compositeOf(await contentIdOf(digests))
    expect(head?.size).toBe(bytes.length)
    expect(head?.etag).not.toContain('"')
    expect(head?.sha256).toBe(checksum === 'sha256' ? composite : null)

    const url = await storage.presignDownload(key, {
      fileName: 'a.bin',
      contentType: 'video/mp4',
      expiresInSeconds: 60,
    })
    const download = await fetch(url)
    expect(Buffer.from(await download.arrayBuffer()).equals(bytes)).toBe(true)
    expect(download.headers.get('content-type')).toBe('video/mp4')
  },
)

test.each(MODES)(
  'a file of one part is one PUT: $profile, $checksum',
  async ({ profile, checksum }) => {
    const storage = await openStore(profile)
    for (const bytes of [Buffer.alloc(0), randomBytes(100)]) {
      const key = `users/u/${bytes.length}`
      const target = { key, s3UploadId: null, fileSize: bytes.length, checksum, guarded: true }
      expect(await storage.headObject(key)).toBe(null)
      expect((await send(storage, { target, body: bytes })).status).toBe(200)
      const plain = createHash('sha256').update(bytes).digest('base64')
      const sha256 = checksum === 'sha256' ? plain : null
      expect(await storage.headObject(key)).toEqual({
        size: bytes.length,
        etag: md5(bytes).toString('hex'),
        sha256,
      })
      await storage.deleteObject(key)
      expect(await storage.headObject(key)).toBe(null)
      await storage.deleteObject(key)
    }
  },
)

test.each(MODES)(
  'other bytes, and another length, are refused: $profile, $checksum',
  async (mode) => {
    const storage = await openStore(mode.profile)
    const target = {
      key: 'k',
      s3UploadId: null,
      fileSize: 4,
      checksum: mode.checksum,
      guarded: false,
    }
    const [good, other, longer] = ['good', 'evil', 'good and more'].map((text) => Buffer.from(text))
    if (!good || !other || !longer) throw new Error('unreachable')
    expect((await send(storage, { target, body: other, promised: good })).ok).toBe(false)
    expect((await send(storage, { target, body: longer, promised: good })).status).toBe(403)
    expect(await storage.headObject('k')).toBe(null)
    expect((await send(storage, { target, body: good })).ok).toBe(true)
  },
)

test('completion tells an upload that is gone from parts that do not fit', async () => {
  const storage = await openStore('aws')
  const checksum = 'sha256'
  const key = 'users/u/1'
  const s3UploadId = await storage.createMultipartUpload(key, { checksum })
  const target = { key, s3UploadId, fileSize: 17 * MIB, checksum, guarded: false } as const
  await send(storage, { target, body: randomBytes(5 * MIB) })
  await send(storage, { target, partNumber: 2, body: randomBytes(5 * MIB) })
  const parts = (await storage.listParts(key, s3UploadId)) ?? []
  const [first, last] = parts
  if (!first || !last) throw new Error('two parts were stored')
  const complete = (list: typeof parts, id = s3UploadId) =>
    storage.completeMultipartUpload(key, id, list, checksum)

  expect(await complete([{ ...first, etag: '0'.repeat(32) }, last])).toBe('invalid-part')
  expect(await complete([{ ...first, sha256: last.sha256 }, last])).toBe('invalid-part')
  expect(await complete([first, last, { ...last, partNumber: 3 }])).toBe('invalid-part')
  expect(await complete([last, first])).toBe('invalid-part')
  expect(await complete(parts, 'no-such-upload')).toBe('gone')
  expect(await complete(parts)).toBe('completed')
  expect(await complete(parts)).toMatch(/^(gone|completed)$/)
})

test('a part that is too small for its place is an invalid part', async () => {
  const storage = await openStore('aws')
  const key = 'users/u/1'
  const s3UploadId = await storage.createMultipartUpload(key, { checksum: 'md5' })
  const target = { key, s3UploadId, fileSize: 100, checksum: 'md5', guarded: false } as const
  await send(storage, { target, body: randomBytes(100) })
  const second = { ...target, fileSize: 15 * MIB + 5 * MIB }
  await send(storage, { target: second, partNumber: 2, body: randomBytes(5 * MIB) })
  const parts = (await storage.listParts(key, s3UploadId)) ?? []
  expect(parts).toHaveLength(2)
  const completion = await storage.completeMultipartUpload(key, s3UploadId, parts, 'md5')
  expect(completion).toBe('invalid-part')
})

test('aborting twice is fine, and an aborted upload lists no parts but its absence', async () => {
  const storage = await openStore('aws')
  const s3UploadId = await storage.createMultipartUpload('k', { checksum: 'sha256' })
  expect(await storage.listMultipartUploads('k')).toEqual([s3UploadId])
  await storage.abortMultipartUpload('k', s3UploadId)
  await storage.abortMultipartUpload('k', s3UploadId)
  expect(await storage.listParts('k', s3UploadId)).toBe(null)
  expect(await storage.listMultipartUploads('k')).toEqual([])
})

test('only uploads of exactly the key are listed', async () => {
  const storage = await openStore('aws')
  const open = (key: string) => storage.createMultipartUpload(key, { checksum: 'md5' })
  const mine = [await open('users/u/1'), await open('users/u/1')]
  await open('users/u/12')
  await open('users/u')
  expect((await storage.listMultipartUploads('users/u/1')).sort()).toEqual(mine.sort())
})

test('all pages of parts are read, each from where the one before ended', async () => {
  const numbers = Array.from({ length: 2_500 }, (_, index) => index * 3 + 1)
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://store')
    const after = Number(searchParams.get('part-number-marker') ?? 0)
    const page = numbers.filter((partNumber) => partNumber > after).slice(0, 1_000)
    const parts = page.map(
      (partNumber) =>
        `<Part><PartNumber>${partNumber}</PartNumber><Size>1</Size><ETag>"e"</ETag></Part>`,
    )
    const last = page.at(-1) ?? 0
    response.end(`<ListPartsResult><IsTruncated>${last !== numbers.at(-1)}</IsTruncated>
      <NextPartNumberMarker>${last}</NextPartNumberMarker>${parts.join('')}</ListPartsResult>`)
  })
  const storage = await loadStorage(await listening(server))
  const parts = (await storage.listParts('k', 'u')) ?? []
  expect(parts.map(({ partNumber }) => partNumber)).toEqual(numbers)
  expect(parts[0]).toEqual({ partNumber: 1, size: 1, etag: 'e', sha256: null })
})

type Target = {
  key: string
  s3UploadId: string | null
  fileSize: number
  checksum: Checksum
  guarded: boolean
}

type Sent = { target: Target; partNumber?: number; body: Buffer; promised?: Buffer }

/** PUTs as a client does: fills the template and sends exactly the headers that the contract names. */
async function send({ signParts }: Storage, sent: Sent): Promise<Response> {
  const { target, partNumber = 1, body, promised = body } = sent
  const digest = createHash(target.checksum).update(promised).digest('base64')
  const signed = signParts(target, [{ partNumber, digest }], 60)
  const url = signed.url
    .replace('{partNumber}', String(partNumber))
    .replace('{signature}', signed.signatures[partNumber] ?? '')
  const name = target.checksum === 'sha256' ? 'x-amz-checksum-sha256' : 'content-md5'
  const headers = { ...signed.headers, [name]: digest }
  return await fetch(url, { method: 'PUT', body: new Uint8Array(body), headers })
}

function md5(bytes: Buffer): Buffer {
  return createHash('md5').update(bytes).digest()
}
