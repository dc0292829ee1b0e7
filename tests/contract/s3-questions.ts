import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import {
  complete,
  makeClient,
  md5,
  openUpload,
  outcome,
  PART_BYTES,
  plainOutcome,
  presign,
  putObject,
  readObject,
  type S3Target,
  send,
  sendPart,
  sha256,
} from './s3-target.ts'

const CHECKSUM_HEADER = 'x-amz-checksum-sha256'
const OTHER_SHA256 = sha256('other bytes')

/** What stores differ in: each asks one store and gives its answer in a few words. s3-answers.ts says what to expect. */
export const S3_QUESTIONS = {
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

  'the ETag of a copied part': async (store: S3Target) => {
    const [from, key] = [store.newKey(), store.newKey()]
    await putObject(store, from, 'x')
    const uploadId = await openUpload(store, key)
    const copied = await store.client.send(
      new UploadPartCopyCommand({
        ...{ Bucket: store.bucket, Key: key, UploadId: uploadId, PartNumber: 1 },
        CopySource: `${store.bucket}/${from}`,
      }),
    )
    return copied.CopyPartResult?.ETag?.startsWith('"') ? 'in quotes' : 'bare'
  },

  'the ETag that completion answers': async (store: S3Target) => {
    const { etag } = await twoParts(store)
    return etag ? 'given' : 'empty'
  },

  'the ETag of a multipart object': async (store: S3Target) => {
    const { key, md5s } = await twoParts(store)
    const head = await headWithChecksum(store, key)
    return head.ETag === `"${md5(Buffer.concat(md5s))}-2"` ? 'MD5 of MD5s' : 'other'
  },

  'If-None-Match on completion': async (store: S3Target) => {
    const key = store.newKey()
    await putObject(store, key, 'was here')
    const uploadId = await openUpload(store, key)
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x' })
    const command = complete(store, { key, uploadId }, [part])
    command.input.IfNoneMatch = '*'
    return await outcome(store.client.send(command), 'completed')
  },

  'completion that leaves out a stored part': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    await sendPart(store, { key, uploadId, partNumber: 1, body: 'left out' })
    const part = await sendPart(store, { key, uploadId, partNumber: 2, body: 'x' })
    return await outcome(store.client.send(complete(store, { key, uploadId }, [part])), 'completed')
  },

  'a copy whose x-amz-copy-source-if-match does not hold': async (store: S3Target) => {
    const [from, key] = [store.newKey(), store.newKey()]
    await putObject(store, from, 'x')
    const uploadId = await openUpload(store, key)
    const copied = store.client.send(
      new UploadPartCopyCommand({
        ...{ Bucket: store.bucket, Key: key, UploadId: uploadId, PartNumber: 1 },
        ...{ CopySource: `${store.bucket}/${from}`, CopySourceIfMatch: '"other"' },
      }),
    )
    return await outcome(copied, 'copied')
  },

  'completing twice': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x' })
    await store.client.send(complete(store, { key, uploadId }, [part]))
    return await outcome(
      store.client.send(complete(store, { key, uploadId }, [part])),
      'completed again',
    )
  },

  'parts listed out of order': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const part1 = await sendPart(store, {
      key,
      uploadId,
      partNumber: 1,
      body: randomBytes(PART_BYTES),
    })
    const part2 = await sendPart(store, { key, uploadId, partNumber: 2, body: 'x' })
    return await outcome(
      store.client.send(complete(store, { key, uploadId }, [part2, part1])),
      'completed',
    )
  },

  'part number 10,001': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    return await outcome(
      sendPart(store, { key, uploadId, partNumber: 10_001, body: 'x' }),
      'stored',
    )
  },

  'an x-amz- header that is not signed': async (store: S3Target) => {
    const url = await presign(
      store,
      new PutObjectCommand({ Bucket: store.bucket, Key: store.newKey() }),
    )
    return plainOutcome(
      await send(url, { body: 'x', headers: { 'x-amz-meta-extra': '1' } }),
      'stored',
    )
  },

  'an unsigned x-amz-copy-source on a part': (store: S3Target) => smuggleCopy(store),

  'the same, guarded by a signed x-amz-copy-source-if-match': (store: S3Target) =>
    smuggleCopy(store, '"none"'),

  'a body in aws-chunked encoding with a trailer': async (store: S3Target) => {
    const client = makeClient(store, { checksums: 'WHEN_SUPPORTED' })
    const Body = Readable.from([Buffer.alloc(70_000), Buffer.alloc(30_000)])
    const key = store.newKey()
    const command = new PutObjectCommand({
      Bucket: store.bucket,
      Key: key,
      Body,
      ContentLength: 100_000,
    })
    const said = await outcome(client.send(command), 'stored')
    if (said !== 'stored') return said
    return (await readObject(store, key)).length === 100_000 ? said : 'stored with its framing'
  },

  'a browser asking before a part PUT': async (store: S3Target) => {
    const url = await presign(
      store,
      new PutObjectCommand({ Bucket: store.bucket, Key: store.newKey() }),
    )
    const origin = 'https://app.example'
    const asked = await send(url, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': `content-type,${CHECKSUM_HEADER}`,
      },
    })
    if (asked.status >= 300) return 'refused'
    const { headers } = await send(url, { body: 'x', headers: { origin } })
    const exposed = String(headers['access-control-expose-headers'] ?? '').toLowerCase()
    return exposed.includes('etag') ? 'allowed, ETag visible' : 'allowed'
  },

  'open uploads listed under part of their key': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const list = new ListMultipartUploadsCommand({ Bucket: store.bucket, Prefix: key.slice(0, -4) })
    const { Uploads } = await store.client.send(list)
    return Uploads?.some((upload) => upload.UploadId === uploadId) ? 'listed' : 'not listed'
  },
} as const satisfies Record<string, (store: S3Target) => Promise<string>>

export type S3Question = keyof typeof S3_QUESTIONS

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

/** A finished multipart object of two parts, and what its composites should be. */
async function twoParts(store: S3Target) {
  const key = store.newKey()
  const created = await store.client.send(
    new CreateMultipartUploadCommand({
      Bucket: store.bucket,
      Key: key,
      ChecksumAlgorithm: 'SHA256',
    }),
  )
  const uploadId = created.UploadId ?? ''
  const bodies = [randomBytes(PART_BYTES), randomBytes(10)]
  const parts: Awaited<ReturnType<typeof sendPart>>[] = []
  for (const [index, body] of bodies.entries()) {
    parts.push(await sendPart(store, { key, uploadId, partNumber: index + 1, body, sha256: true }))
  }
  const completed = await store.client.send(complete(store, { key, uploadId }, parts))
  const digests = bodies.map((body) => Buffer.from(sha256(body), 'base64'))
  const md5s = bodies.map((body) => Buffer.from(md5(body), 'hex'))
  return {
    key,
    etag: completed.ETag?.replaceAll('"', ''),
    composite: sha256(Buffer.concat(digests)),
    md5s,
  }
}

/**
 * Tries to read a foreign object with nothing but a presigned part URL: an unsigned x-amz-copy-source on it. With
 * `guard` the URL was signed with an x-amz-copy-source-if-match that no object satisfies.
 */
async function smuggleCopy(store: S3Target, guard?: string): Promise<string> {
  const [foreign, key] = [store.newKey(), store.newKey()]
  await putObject(store, foreign, 'a secret of somebody else')
  const uploadId = await openUpload(store, key)
  const command = new UploadPartCommand({
    Bucket: store.bucket,
    Key: key,
    UploadId: uploadId,
    PartNumber: 1,
  })
  if (guard) addHeader(command, 'x-amz-copy-source-if-match', guard)
  const url = await presign(store, command, { headers: ['x-amz-copy-source-if-match'] })
  const headers = {
    'x-amz-copy-source': `/${store.bucket}/${foreign}`,
    ...(guard && { 'x-amz-copy-source-if-match': guard }),
  }
  const said = await send(url, { headers })
  return plainOutcome(said, said.body.includes('CopyPartResult') ? 'copied' : 'header ignored')
}

/** Makes a command carry a header its own parameters have no name for. */
function addHeader(command: UploadPartCommand, name: string, value: string): void {
  command.middlewareStack.add(
    (next) => (args) => {
      const { request } = args
      if (request && typeof request === 'object' && 'headers' in request)
        Object.assign(request.headers ?? {}, { [name]: value })
      return next(args)
    },
    { step: 'build' },
  )
}
