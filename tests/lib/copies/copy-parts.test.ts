import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { CopySource } from '../../../lib/copies/copy-parts.ts'
import { aContent, partOf, type TestContent } from '../../local/content.ts'
import { loadStorage, openStore } from '../storage/open-store.ts'
import { type Intercept, listening, startProxy } from '../storage/proxy.ts'

const MIB = 1024 * 1024
const PART = 5 * MIB
const SOURCE = 'users/a/source with ümlaut'
const TARGET = 'users/a/target'
const always = { beginBefore: Number.POSITIVE_INFINITY, answerBefore: Date.now() + 3_600_000 }
const no: Intercept = () => null

/** A store with one object, and an open upload of `content`; `through` puts something between the engine and it. */
async function aCopy({
  object,
  content,
  profile = 'aws',
  through = (endpoint) => startProxy(endpoint, no),
}: {
  object: Buffer
  content: TestContent
  profile?: 'aws' | 'compat'
  through?: (endpoint: string) => Promise<string>
}) {
  const direct = await openStore(profile)
  const endpoint = direct.store.endpoint
  await loadStorage(await through(endpoint))
  const { copyParts } = await import('../../../lib/copies/copy-parts.ts')
  const { client, sdk } = await direct.s3()
  const put = { Bucket: direct.store.bucket, Key: SOURCE, Body: object }
  const { ETag = '' } = await client.send(
    new sdk.PutObjectCommand({ ...put, ChecksumAlgorithm: 'SHA256' }),
  )
  const s3UploadId = await direct.createMultipartUpload(TARGET, { checksum: 'sha256' })
  const upload = {
    id: 'some upload',
    accountId: 'some account',
    fileHash: content.fileHash,
    fileSize: content.fileSize,
    partCount: content.partHashes.length,
    checksum: 'sha256' as const,
    storageKey: TARGET,
    s3UploadId,
    state: 'open' as const,
    urlsExpireAt: '',
    manifestBytes: 0,
    manifestUrlExpiresAt: null,
    createdAt: '',
    expiresAt: '',
  }
  const partDigests = Buffer.concat(content.partHashes.map((text) => Buffer.from(text, 'base64')))
  const target = { upload, s3UploadId, partDigests }
  const source: CopySource = {
    storageKey: SOURCE,
    etag: ETag.replaceAll('"', ''),
    fileSize: object.length,
  }
  const copy = (places: Record<number, number>, deadlines = always, from = source) => {
    const parts = Object.entries(places).map(([n, offset]) => ({ partNumber: Number(n), offset }))
    return copyParts(target, from, { parts, deadlines })
  }
  const stored = async () => (await direct.listParts(TARGET, s3UploadId)) ?? []
  return { copy, source, stored, direct }
}

/** Content of 16 MiB and a bit, and an object that has its parts in other places. */
async function aMovedContent() {
  const content = await aContent(3 * PART + 1234 + PART)
  const shifted = Buffer.concat([randomBytes(777), content.bytes, randomBytes(10)])
  return { content, object: shifted }
}

function isCopy(request: IncomingMessage): boolean {
  return request.headers['x-amz-copy-source'] !== undefined
}

test('parts are copied from any offset, the last, shorter one too, and the store says so', async () => {
  const { content, object } = await aMovedContent()
  const { copy, stored } = await aCopy({ object, content })
  const places = Object.fromEntries(content.partHashes.map((_, n) => [n + 1, 777 + n * PART]))
  expect(await copy(places)).toEqual({ copied: [1, 2, 3, 4, 5], refused: [], left: [] })
  expect((await stored()).map(({ sha256 }) => sha256)).toEqual(content.partHashes)
  expect((await stored()).at(-1)?.size).toBe(1234)
})

test('other bytes are refused whatever was said of them, and others are copied', async () => {
  const { content, object } = await aMovedContent()
  const { copy } = await aCopy({ object, content })
  const places = { 1: 778, 2: 777 + PART, 3: 777 }
  expect(await copy(places)).toEqual({ copied: [2], refused: [1, 3], left: [] })
})

test('a range that the source does not have is never asked for, nor one of a source that S3 cannot copy from', async () => {
  const { content, object } = await aMovedContent()
  let copies = 0
  const count: Intercept = (request) => {
    if (isCopy(request)) copies++
    return null
  }
  const through = (endpoint: string) => startProxy(endpoint, count)
  const { copy, source } = await aCopy({ object, content, through })
  const end = object.length - PART
  expect(await copy({ 1: -1, 2: end + 1, 3: object.length })).toMatchObject({ refused: [1, 2, 3] })
  expect(await copy({ 1: 0 }, always, { ...source, fileSize: PART })).toMatchObject({
    refused: [1],
  })
  expect(copies).toBe(0)
  await copy({ 1: 0, 2: end })
  expect(copies).toBe(2)
})

test('a source that is gone, or another than it was, is refused', async () => {
  const { content, object } = await aMovedContent()
  const { copy, source, stored, direct } = await aCopy({ object, content })
  const other = { ...source, etag: createHash('md5').update('other').digest('hex') }
  expect(await copy({ 1: 777 }, always, other)).toMatchObject({ refused: [1] })
  await direct.deleteObject(SOURCE)
  expect(await copy({ 1: 777 })).toMatchObject({ refused: [1] })
  expect(await stored()).toEqual([])
})

test('an upload that is gone takes no copies', async () => {
  const { content, object } = await aMovedContent()
  const { copy, direct } = await aCopy({ object, content })
  const [s3UploadId = ''] = await direct.listMultipartUploads(TARGET)
  await direct.abortMultipartUpload(TARGET, s3UploadId)
  expect(await copy({ 1: 777 })).toMatchObject({ copied: [], refused: [1] })
})

test('where the answer to a copy has no digest, the listing decides', async () => {
  const { content, object } = await aMovedContent()
  let stripped = 0
  const through = (endpoint: string) => withoutDigests(endpoint, () => stripped++)
  const { copy } = await aCopy({ object, content, through })
  expect(await copy({ 1: 777, 2: 778, 3: 777 + 2 * PART })).toEqual({
    copied: [1, 3],
    refused: [2],
    left: [],
  })
  expect(stripped).toBe(3)
})

test('of a store that says no digest at all, nothing counts as copied', async () => {
  const { content, object } = await aMovedContent()
  const { copy, stored } = await aCopy({ object, content, profile: 'compat' })
  expect(await copy({ 1: 777 })).toEqual({ copied: [], refused: [1], left: [] })
  expect(await stored()).toMatchObject([{ partNumber: 1, size: PART, sha256: null }])
})

test('after the deadline nothing is begun, and what is not answered in time is left', async () => {
  const { content, object } = await aMovedContent()
  let copies = 0
  const slow: Intercept = async (request) => {
    if (isCopy(request)) copies++
    if (isCopy(request)) await wait(1_000)
    return null
  }
  const through = (endpoint: string) => startProxy(endpoint, slow)
  const { copy } = await aCopy({ object, content, through })
  const past = { beginBefore: Date.now() - 1, answerBefore: Date.now() + 60_000 }
  expect(await copy({ 1: 777, 2: 777 + PART }, past)).toEqual({
    copied: [],
    refused: [],
    left: [1, 2],
  })
  expect(copies).toBe(0)

  const soon = { beginBefore: Date.now() + 60_000, answerBefore: Date.now() + 200 }
  expect(await copy({ 1: 777 }, soon)).toEqual({ copied: [], refused: [], left: [1] })
  expect(copies).toBe(1)
})

test('what an outage keeps is left, and where it keeps everything it is told', async () => {
  const { content, object } = await aMovedContent()
  const failing: Intercept = (request) =>
    isCopy(request) && request.url?.includes('partNumber=2') ? 503 : null
  const through = (endpoint: string) => startProxy(endpoint, failing)
  const { copy } = await aCopy({ object, content, through })
  const places = { 1: 777, 2: 777 + PART }
  expect(await copy(places)).toEqual({ copied: [1], refused: [], left: [2] })
  await expect(copy({ 2: 777 + PART })).rejects.toMatchObject({ slug: 'store-unavailable' })
})

test('at most 32 copies are under way at a time', async () => {
  const content = await aContent(17 * MIB)
  let underWay = 0
  let most = 0
  const counted: Intercept = async (request) => {
    if (!isCopy(request)) return null
    underWay += 1
    most = Math.max(most, underWay)
    await wait(50)
    underWay -= 1
    return 412
  }
  const through = (endpoint: string) => startProxy(endpoint, counted)
  const size = 330 * MIB
  const many = { ...content, fileSize: size, partHashes: Array(66).fill(content.partHashes[0]) }
  const { copy } = await aCopy({ object: content.bytes, content: many, through })
  const places = Object.fromEntries(many.partHashes.map((_: string, n: number) => [n + 1, 0]))
  expect((await copy(places)).refused).toHaveLength(66)
  expect(most).toBe(32)
})

test('copied and sent parts complete to the declared content', async () => {
  const { content, object } = await aMovedContent()
  const { copy, stored, direct } = await aCopy({ object, content })
  await copy({ 1: 777, 3: 777 + 2 * PART, 4: 777 + 3 * PART })
  const [UploadId] = await direct.listMultipartUploads(TARGET)
  const { client, sdk } = await direct.s3()
  for (const PartNumber of [2, 5]) {
    const ChecksumSHA256 = content.partHashes[PartNumber - 1]
    const part = { Bucket: direct.store.bucket, Key: TARGET, UploadId, PartNumber, ChecksumSHA256 }
    await client.send(new sdk.UploadPartCommand({ ...part, Body: partOf(content, PartNumber) }))
  }
  const parts = await stored()
  await direct.completeMultipartUpload(TARGET, UploadId ?? '', parts, 'sha256')
  const { compositeOf } = await import('../../../lib/content/content-id.ts')
  expect(await direct.headObject(TARGET)).toMatchObject({ sha256: compositeOf(content.fileHash) })
})

/** A store whose copies answer without a checksum, as some do. */
async function withoutDigests(endpoint: string, stripped: () => void): Promise<string> {
  const server = createServer(async (incoming, response) => {
    const { method, url, headers } = incoming
    const { request } = await import('node:http')
    const onward = request(new URL(url ?? '', endpoint), { method, headers }, async (answer) => {
      const pieces: Buffer[] = []
      for await (const piece of answer) pieces.push(piece)
      const text = Buffer.concat(pieces).toString('latin1')
      const told = isCopy(incoming)
        ? text.replace(/<ChecksumSHA256>.*?<\/ChecksumSHA256>/, '')
        : text
      if (told !== text) stripped()
      const { 'content-length': _, ...kept } = answer.headers
      response.writeHead(answer.statusCode ?? 502, kept).end(told, 'latin1')
    })
    incoming.pipe(onward)
  })
  return await listening(server)
}
