import { Readable } from 'node:stream'
import {
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { openUpload, outcome, plainOutcome, putObject, readObject } from './s3-calls.ts'
import { makeClient, makeTarget, presign, type S3Target, send } from './s3-target.ts'

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

  'an unsigned x-amz-copy-source on a part': (store: S3Target) => smuggleCopy(store, 'part'),

  'an unsigned x-amz-copy-source on an object': (store: S3Target) => smuggleCopy(store, 'object'),

  'the same on a part, guarded by a signed x-amz-copy-source-if-match': (store: S3Target) =>
    smuggleCopy(store, 'part', ['x-amz-copy-source-if-match', '"none"']),

  'the same on an object, guarded by a signed x-amz-copy-source-if-match': (store: S3Target) =>
    smuggleCopy(store, 'object', ['x-amz-copy-source-if-match', '"none"']),

  'the same on a part, guarded by a signed, impossible x-amz-copy-source-range': (
    store: S3Target,
  ) => smuggleCopy(store, 'part', ['x-amz-copy-source-range', 'bytes=1-0']),

  'the same on an object, guarded by a signed, impossible x-amz-copy-source-range': (
    store: S3Target,
  ) => smuggleCopy(store, 'object', ['x-amz-copy-source-range', 'bytes=1-0']),

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
 * Tries to read a foreign object with nothing but a presigned PUT: an unsigned x-amz-copy-source on it. A `guard` is a
 * header signed with the URL that no copy can satisfy and an ordinary PUT does not care about, which is tried first.
 */
async function smuggleCopy(
  store: S3Target,
  kind: 'part' | 'object',
  guard?: [name: string, value: string],
): Promise<string> {
  const [foreign, key] = [store.newKey(), store.newKey()]
  await putObject(store, foreign, 'a secret of somebody else')
  const guards = guard ? { [guard[0]]: guard[1] } : {}
  const guarded = makeTarget(store)
  addHeaders(guarded.client, guards)
  const place = { Bucket: store.bucket, Key: key }
  const signed = { headers: Object.keys(guards) }
  const url =
    kind === 'object'
      ? await presign(guarded, new PutObjectCommand(place), signed)
      : await presign(guarded, await partCommand(store, place), signed)

  const honest = plainOutcome(await send(url, { headers: guards, body: 'x' }), 'stored')
  if (honest !== 'stored') return `an ordinary PUT is refused: ${honest}`
  const said = await send(url, {
    headers: { ...guards, 'x-amz-copy-source': `/${store.bucket}/${foreign}` },
  })
  const copied = /Copy(Part|Object)Result/.test(said.body)
  return plainOutcome(said, copied ? 'copied' : 'header ignored')
}

async function partCommand(store: S3Target, place: { Bucket: string; Key: string }) {
  const UploadId = await openUpload(store, place.Key)
  return new UploadPartCommand({ ...place, UploadId, PartNumber: 1 })
}

/** Makes a client send headers its commands have no names for. */
function addHeaders(client: S3Client, headers: Record<string, string>): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args
      if (request && typeof request === 'object' && 'headers' in request) {
        Object.assign(request.headers ?? {}, headers)
      }
      return next(args)
    },
    { step: 'build' },
  )
}
