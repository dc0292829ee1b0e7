import { randomBytes } from 'node:crypto'
import {
  GetObjectAttributesCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import {
  complete,
  openUpload,
  outcome,
  plainOutcome,
  putObject,
  sendPart,
  sha256,
} from './s3-calls.ts'
import { presign, type S3Target, send } from './s3-target.ts'
import { twoParts } from './s3-two-parts.ts'

const CHECKSUM_HEADER = 'x-amz-checksum-sha256'
const OTHER_SHA256 = sha256('other bytes')

/** What stores differ in about checksums. */
export const CHECKSUM_QUESTIONS = {
  'a wrong signed SHA-256 header on an object': (store: S3Target) =>
    putWithChecksum(store, OTHER_SHA256, true),

  'a wrong SHA-256 moved into the query': (store: S3Target) =>
    putWithChecksum(store, OTHER_SHA256, false),

  'the SHA-256 of a single put, in HEAD': async (store: S3Target) => {
    const key = store.newKey()
    await store.client.send(
      new PutObjectCommand({
        Bucket: store.bucket,
        Key: key,
        Body: 'hello',
        ChecksumSHA256: sha256('hello'),
      }),
    )
    const head = await headWithChecksum(store, key)
    return head.ChecksumSHA256 === sha256('hello') ? `given, ${head.ChecksumType}` : 'none'
  },

  'a wrong SHA-256 on a part': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key, 'SHA256')
    return await outcome(putPart(store, { key, uploadId, ChecksumSHA256: OTHER_SHA256 }), 'stored')
  },

  'a part without checksum on a SHA-256 upload': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key, 'SHA256')
    return await outcome(putPart(store, { key, uploadId }), 'stored')
  },

  'completion without checksums of a SHA-256 upload': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key, 'SHA256')
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x', sha256: true })
    const bare = { PartNumber: 1, ETag: part.ETag }
    return await outcome(store.client.send(complete(store, { key, uploadId }, [bare])), 'completed')
  },

  'completion with a wrong checksum of a part': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key, 'SHA256')
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x', sha256: true })
    const wrong = { ...part, ChecksumSHA256: OTHER_SHA256 }
    return await outcome(
      store.client.send(complete(store, { key, uploadId }, [wrong])),
      'completed',
    )
  },

  'the composite SHA-256 of a multipart object, in HEAD': async (store: S3Target) => {
    const { key, composite } = await twoParts(store)
    const head = await headWithChecksum(store, key)
    return head.ChecksumSHA256 === `${composite}-2` ? `given with -N, ${head.ChecksumType}` : 'none'
  },

  'the composite SHA-256 in GetObjectAttributes': async (store: S3Target) => {
    const { key, composite } = await twoParts(store)
    const attributes = store.client.send(
      new GetObjectAttributesCommand({
        Bucket: store.bucket,
        Key: key,
        ObjectAttributes: ['ETag', 'Checksum'],
      }),
    )
    const said = await outcome(attributes, 'answered')
    if (said !== 'answered') return said.startsWith('200') ? 'something else than attributes' : said
    const { Checksum } = await attributes
    if (!Checksum?.ChecksumSHA256) return 'none'
    return Checksum.ChecksumSHA256 === composite ? 'given without -N' : 'other'
  },

  'the SHA-256 of a copied part': async (store: S3Target) => {
    const [from, key] = [store.newKey(), store.newKey()]
    const body = randomBytes(1_000)
    await putObject(store, from, body)
    const uploadId = await openUpload(store, key, 'SHA256')
    const copied = await store.client.send(
      new UploadPartCopyCommand({
        ...{ Bucket: store.bucket, Key: key, UploadId: uploadId, PartNumber: 1 },
        ...{ CopySource: `${store.bucket}/${from}`, CopySourceRange: 'bytes=3-999' },
      }),
    )
    return copied.CopyPartResult?.ChecksumSHA256 === sha256(body.subarray(3)) ? 'given' : 'none'
  },
} as const satisfies Record<string, (store: S3Target) => Promise<string>>

async function putWithChecksum(
  store: S3Target,
  checksum: string,
  signed: boolean,
): Promise<string> {
  const command = new PutObjectCommand({
    Bucket: store.bucket,
    Key: store.newKey(),
    ChecksumSHA256: checksum,
  })
  const url = await presign(store, command, { headers: signed ? [CHECKSUM_HEADER] : [] })
  return plainOutcome(
    await send(url, { body: 'hello', headers: signed ? { [CHECKSUM_HEADER]: checksum } : {} }),
    'stored',
  )
}

function putPart(
  store: S3Target,
  part: { key: string; uploadId: string; ChecksumSHA256?: string },
) {
  const { key, uploadId, ...checksum } = part
  return store.client.send(
    new UploadPartCommand({
      ...{ Bucket: store.bucket, Key: key, UploadId: uploadId, PartNumber: 1 },
      ...{ Body: 'hello', ...checksum },
    }),
  )
}

function headWithChecksum(store: S3Target, key: string) {
  return store.client.send(
    new HeadObjectCommand({ Bucket: store.bucket, Key: key, ChecksumMode: 'ENABLED' }),
  )
}
