import { Readable } from 'node:stream'
import { PutObjectCommand, UploadPartCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3'
import { openUpload, outcome, plainOutcome, putObject, readObject } from './s3-calls.ts'
import { makeClient, presign, type S3Target, send } from './s3-target.ts'

/** What stores differ in about who may do what, and how requests may come. */
export const ACCESS_QUESTIONS = {
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
        'access-control-request-headers': `content-type,x-amz-checksum-sha256`,
      },
    })
    if (asked.status >= 300) return 'refused'
    const { headers } = await send(url, { body: 'x', headers: { origin } })
    const exposed = String(headers['access-control-expose-headers'] ?? '').toLowerCase()
    return exposed.includes('etag') ? 'allowed, ETag visible' : 'allowed'
  },
} as const satisfies Record<string, (store: S3Target) => Promise<string>>

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
