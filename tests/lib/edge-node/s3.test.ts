import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { expect, onTestFinished, test } from 'vitest'
import { startS3 } from '../../local/s3/server.ts'
import { ask, BUCKET, makeRelay, makeToken } from './harness.ts'

const KEY = 'users/a@b:c/0123456789abcdef0123456789abcdef'
/** The digest goes in a signed header, not in the query. */
const OPTIONS = { unhoistableHeaders: new Set(['x-amz-checksum-sha256']) }
const PART_BYTES = 5 * 1024 * 1024
const IDENTITY = {
  accessKeyId: 'relay-test-access',
  secretAccessKey: 'relay-test-secret-relay-test',
  region: 'us-east-1',
}

test('a multipart upload over the relay is stored and comes back as it was', async () => {
  const { relay, s3, token } = await makeStore()
  const body = randomBytes(PART_BYTES + 1234)
  const parts = [body.subarray(0, PART_BYTES), body.subarray(PART_BYTES)]
  const object = { Bucket: BUCKET, Key: KEY }
  const create = { ...object, ChecksumAlgorithm: 'SHA256', ChecksumType: 'COMPOSITE' } as const
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(create))

  const sent = await Promise.all(
    parts.map(async (part, index) => {
      const what = { ...object, UploadId, PartNumber: index + 1, ChecksumSHA256: sha256(part) }
      const command = new UploadPartCommand({ ...what, ContentLength: part.length })
      const path = pathOf(await getSignedUrl(s3, command, OPTIONS))
      const headers = { 'x-amz-checksum-sha256': sha256(part) }
      const answer = await ask(relay.url, { path, body: part, headers, token })
      expect(answer.status).toBe(200)
      return { PartNumber: index + 1, ETag: answer.headers.etag, ChecksumSHA256: sha256(part) }
    }),
  )
  const MultipartUpload = { Parts: sent }
  await s3.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload }))

  const path = pathOf(await getSignedUrl(s3, new GetObjectCommand(object), OPTIONS))
  const whole = await ask(relay.url, { method: 'GET', path, token })
  expect(whole.status).toBe(200)
  expect(whole.bytes.equals(body)).toBe(true)
  const headers = { range: `bytes=${PART_BYTES - 10}-${PART_BYTES + 9}` }
  const range = await ask(relay.url, { method: 'GET', path, headers, token })
  expect(range.status).toBe(206)
  expect(range.bytes.equals(body.subarray(PART_BYTES - 10, PART_BYTES + 10))).toBe(true)
})

test('other bytes than those signed for are refused by the store, and the client reads why', async () => {
  const { relay, s3, token } = await makeStore()
  const body = randomBytes(PART_BYTES)
  const what = { Bucket: BUCKET, Key: KEY, ContentLength: PART_BYTES, ChecksumSHA256: sha256(body) }
  const path = pathOf(await getSignedUrl(s3, new PutObjectCommand(what), OPTIONS))
  const send = (bytes: Buffer, checksum: string) =>
    ask(relay.url, { path, body: bytes, token, headers: { 'x-amz-checksum-sha256': checksum } })

  const other = randomBytes(PART_BYTES)
  const badDigest = await send(other, sha256(body))
  expect([badDigest.status, badDigest.bytes.toString()]).toEqual([
    400,
    expect.stringContaining('BadDigest'),
  ])
  const unsigned = await send(other, sha256(other))
  expect([unsigned.status, unsigned.bytes.toString()]).toEqual([
    403,
    expect.stringContaining('SignatureDoesNotMatch'),
  ])
  expect((await send(body, sha256(body))).status).toBe(200)
})

test('a part whose client went away is not stored', async () => {
  const { relay, s3, token } = await makeStore()
  const object = { Bucket: BUCKET, Key: KEY }
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(object))
  const what = { ...object, UploadId, PartNumber: 1, ContentLength: PART_BYTES }
  const path = pathOf(await getSignedUrl(s3, new UploadPartCommand(what), OPTIONS))
  const cancel = new AbortController()
  const upload = fetch(relay.url + path, {
    method: 'PUT',
    headers: { 'x-jetty-grant': token, 'content-length': String(PART_BYTES) },
    body: halfThenNothing(() => cancel.abort()),
    signal: cancel.signal,
    ...{ duplex: 'half' },
  })
  await expect(upload).rejects.toThrow()
  await expect.poll(() => relay.stats().activeRequests).toBe(0)
  const { Parts = [] } = await s3.send(new ListPartsCommand({ ...object, UploadId }))
  expect(Parts).toEqual([])
})

/** A store and a relay before it, gone with the test. */
async function makeStore() {
  const dataDir = mkdtempSync(join(tmpdir(), 'relay-s3-'))
  const store = await startS3({ dataDir, bucket: BUCKET, ...IDENTITY })
  onTestFinished(async () => {
    await store.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const { region, ...credentials } = IDENTITY
  const s3 = new S3Client({
    endpoint: store.endpoint,
    forcePathStyle: true,
    region,
    credentials,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  onTestFinished(() => s3.destroy())
  const relay = await makeRelay(store.endpoint)
  const token = makeToken({ account: 'a@b:c', prefix: 'users/a@b:c/' })
  return { relay, s3, token }
}

/** What a URL signed for the store asks of a relay. */
function pathOf(signed: string): string {
  const { pathname, search } = new URL(signed)
  return pathname + search
}

function halfThenNothing(onHalf: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(PART_BYTES / 2))
      setTimeout(onHalf, 200)
    },
  })
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64')
}
