import { sliceSegments } from './blobs.ts'
import { type Received, receiveBody } from './body.ts'
import { bucketOf, type Call, header, type Reply, setting } from './call.ts'
import { type Checksum, checksumElement, checksumHeader } from './checksums.ts'
import { type Conditions, checkWrite, isKnown } from './conditions.ts'
import { parseRange } from './range.ts'
import { refuse } from './refuse.ts'
import type { StoredObject } from './state.ts'
import { document } from './xml.ts'

const KEPT_HEADERS = [
  'content-type',
  'content-disposition',
  'content-encoding',
  'content-language',
  'cache-control',
  'expires',
]

/** PutObject: stores the body under the key in one step, whatever happens on the way. */
export async function putObject(call: Call, payloadHash: string): Promise<Reply> {
  const { objects } = bucketOf(call)
  const conditions = conditionsOf(call)
  checkWrite(objects.get(call.key), conditions)

  const received = await receiveBody(call, payloadHash)
  const object: StoredObject = {
    key: call.key,
    ...withoutSegments(received),
    lastModified: new Date().toISOString(),
    headers: keptHeaders(call),
    segments: received.segments,
  }
  storeReceived(call, received, () => {
    checkWrite(objects.get(call.key), conditions)
    call.store.state.commit({ type: 'object', bucket: call.bucket, object })
  })
  return { status: 200, headers: { etag: `"${object.etag}"`, ...checksumHeaders(object.checksum) } }
}

/** GetObject and HeadObject: the bytes, or the one range asked for, with the headers they were stored with. */
export async function getObject(call: Call): Promise<Reply> {
  const object = objectOf(call)
  const headers = {
    etag: `"${object.etag}"`,
    'last-modified': new Date(object.lastModified).toUTCString(),
    'accept-ranges': 'bytes',
  }
  if (isKnown(object, conditionsOf(call))) return { status: 304, headers }

  const range = parseRange(header(call, 'range'), object.size)
  const { offset, length } = range ?? { offset: 0, length: object.size }
  return {
    status: range ? 206 : 200,
    headers: {
      'content-type': 'binary/octet-stream',
      ...object.headers,
      ...overrides(call),
      ...headers,
      'content-length': length,
      ...(range && { 'content-range': `bytes ${offset}-${offset + length - 1}/${object.size}` }),
      // The checksum is the whole object's; with a range it would be taken for the range's.
      ...(!range &&
        setting(call, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' &&
        checksumHeaders(object.checksum)),
    },
    segments: sliceSegments(object.segments, offset, length),
  }
}

/** DeleteObject: 204 whether or not something stood there. */
export async function deleteObject(call: Call): Promise<Reply> {
  const { objects } = bucketOf(call)
  if (objects.has(call.key))
    call.store.state.commit({ type: 'delete', bucket: call.bucket, key: call.key })
  return { status: 204 }
}

/** GetObjectAttributes. As on AWS the ETag has no quotes here and a composite checksum loses its `-N`. */
export async function getObjectAttributes(call: Call): Promise<Reply> {
  const object = objectOf(call)
  const asked = (header(call, 'x-amz-object-attributes') ?? '')
    .split(',')
    .map((name) => name.trim())
  if (asked[0] === '')
    throw refuse('InvalidArgument', 'x-amz-object-attributes names no attribute.')
  const { checksum } = object
  const parts = /-(\d+)$/.exec(object.etag)?.[1]
  return {
    status: 200,
    headers: { 'last-modified': new Date(object.lastModified).toUTCString() },
    xml: document('GetObjectAttributesResponse', {
      ETag: asked.includes('ETag') ? object.etag : undefined,
      Checksum:
        asked.includes('Checksum') && checksum
          ? {
              [checksumElement(checksum.algorithm)]: checksum.value.replace(/-\d+$/, ''),
              ChecksumType: checksum.type,
            }
          : undefined,
      ObjectParts: asked.includes('ObjectParts') && parts ? { PartsCount: parts } : undefined,
      StorageClass: asked.includes('StorageClass') ? 'STANDARD' : undefined,
      ObjectSize: asked.includes('ObjectSize') ? object.size : undefined,
    }),
  }
}

/**
 * Runs the step that makes received bytes part of the state, which takes its own reference to them; either way the one
 * held while receiving goes.
 */
export function storeReceived(
  call: Call,
  { segments }: Pick<Received, 'segments'>,
  store: () => void,
): void {
  try {
    store()
  } finally {
    call.store.state.blobs.release(segments)
  }
}

/** The headers and metadata a client wants back with the bytes. */
export function keptHeaders(call: Call): Record<string, string> {
  const metadata = [...Object.keys(call.request.headers), ...call.query.keys()].filter((name) =>
    name.startsWith('x-amz-meta-'),
  )
  const kept = [...KEPT_HEADERS, ...metadata].map((name) => [name, setting(call, name)])
  const headers = Object.fromEntries(kept.filter(([, value]) => value !== undefined))
  // aws-chunked is how the body travelled, not what it is.
  const encoding = headers['content-encoding']?.replace(/^aws-chunked,?\s*/, '')
  if (encoding === '') delete headers['content-encoding']
  else if (encoding) headers['content-encoding'] = encoding
  return headers
}

export function conditionsOf(call: Call): Conditions {
  return {
    ifMatch: header(call, 'if-match'),
    ifNoneMatch: header(call, 'if-none-match'),
    ifModifiedSince: header(call, 'if-modified-since'),
    ifUnmodifiedSince: header(call, 'if-unmodified-since'),
  }
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (!checksum) return {}
  return {
    [checksumHeader(checksum.algorithm)]: checksum.value,
    'x-amz-checksum-type': checksum.type,
  }
}

function withoutSegments({ size, etag, checksum }: Received) {
  return { size, etag, ...(checksum && { checksum }) }
}

/** @throws NoSuchKey */
function objectOf(call: Call): StoredObject {
  const object = bucketOf(call).objects.get(call.key)
  if (!object) throw refuse('NoSuchKey', undefined, { Key: call.key })
  return object
}

/** `response-content-disposition` and its siblings: the query of a presigned GET names the answer's headers. */
function overrides(call: Call): Record<string, string> {
  const pairs = KEPT_HEADERS.map((name) => [name, call.query.get(`response-${name}`)])
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
}
