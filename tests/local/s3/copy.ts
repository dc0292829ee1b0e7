import { createHash } from 'node:crypto'
import { type Segment, sliceSegments } from './blobs.ts'
import type { Received } from './body.ts'
import { bucketOf, type Call, type Reply, setting, splitOnce } from './call.ts'
import { type ChecksumAlgorithm, newDigest, parseAlgorithm } from './checksums.ts'
import { checkWrite, isKnown } from './conditions.ts'
import { checksumMember, partNumberOf, uploadOf } from './multipart.ts'
import { conditionsOf, keptHeaders, storeReceived } from './objects.ts'
import { parseCopyRange } from './range.ts'
import { refuse } from './refuse.ts'
import type { Part, StoredObject } from './state.ts'
import { document } from './xml.ts'

const COPY_BYTES_MAX = 5 * 1024 ** 3

/** CopyObject. The bytes are shared with the source; they are read once, for the copy's own ETag and checksum. */
export async function copyObject(call: Call): Promise<Reply> {
  const { state, profile } = call.store
  const { objects } = bucketOf(call)
  const source = sourceOf(call)
  if (source.size > COPY_BYTES_MAX)
    throw refuse('InvalidRequest', 'The specified copy source is larger than 5 GiB.')

  const asked = setting(call, 'x-amz-checksum-algorithm')
  const algorithm = asked && profile.checksums ? parseAlgorithm(asked) : source.checksum?.algorithm
  // A range is no part of CopyObject, but older stores look at it, and a bad one ends the copy.
  parseCopyRange(setting(call, 'x-amz-copy-source-range'), source.size)
  const copied = await digestSegments(call, source.segments, algorithm)
  const replaced = setting(call, 'x-amz-metadata-directive')?.toUpperCase() === 'REPLACE'
  const object: StoredObject = {
    key: call.key,
    ...copied,
    lastModified: new Date().toISOString(),
    headers: replaced ? keptHeaders(call) : source.headers,
  }
  storeReceived(call, copied, () => {
    checkWrite(objects.get(call.key), conditionsOf(call))
    state.commit({ type: 'object', bucket: call.bucket, object })
  })
  return { status: 200, xml: resultXml('CopyObjectResult', object, true) }
}

/**
 * UploadPartCopy: any range of a stored object becomes a part. Where the upload declares a checksum algorithm the part
 * gets its checksum, and the answer carries it.
 */
export async function copyPart(call: Call): Promise<Reply> {
  const upload = uploadOf(call)
  const partNumber = partNumberOf(call)
  const source = sourceOf(call)
  const { offset, length } = parseCopyRange(setting(call, 'x-amz-copy-source-range'), source.size)
  if (length > COPY_BYTES_MAX) throw refuse('EntityTooLarge')

  const segments = sliceSegments(source.segments, offset, length)
  const copied = await digestSegments(call, segments, upload.checksum?.algorithm)
  const part: Part = { partNumber, ...copied, lastModified: new Date().toISOString() }
  storeReceived(call, copied, () => {
    // Completed or aborted while the source was read.
    uploadOf(call)
    call.store.state.commit({ type: 'part', uploadId: upload.uploadId, part })
  })
  return { status: 200, xml: resultXml('CopyPartResult', part, call.store.profile.properEtags) }
}

/**
 * The object that x-amz-copy-source names (`[/]bucket/key`, percent-encoded).
 *
 * @throws NoSuchBucket, NoSuchKey, and PreconditionFailed for x-amz-copy-source-if-*
 */
function sourceOf(call: Call): StoredObject {
  const [path = ''] = (setting(call, 'x-amz-copy-source') ?? '').split('?')
  const [bucket = '', key = ''] = splitOnce(decodeSource(path).replace(/^\//, ''), '/')
  if (!bucket || !key)
    throw refuse('InvalidArgument', 'Copy Source must mention the source bucket and key.')

  const source = bucketOf(call, bucket).objects.get(key)
  if (!source) throw refuse('NoSuchKey', undefined, { Key: key })
  const known = isKnown(source, {
    ifMatch: setting(call, 'x-amz-copy-source-if-match'),
    ifNoneMatch: setting(call, 'x-amz-copy-source-if-none-match'),
    ifModifiedSince: setting(call, 'x-amz-copy-source-if-modified-since'),
    ifUnmodifiedSince: setting(call, 'x-amz-copy-source-if-unmodified-since'),
  })
  if (known) throw refuse('PreconditionFailed')
  return source
}

function decodeSource(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw refuse('InvalidArgument', 'Copy Source must be percent-encoded.')
  }
}

/** Size, MD5 and checksum of stored bytes; the segments come back retained, as those of a received body do. */
async function digestSegments(
  call: Call,
  segments: Segment[],
  algorithm: ChecksumAlgorithm | undefined,
): Promise<Received> {
  const { blobs } = call.store.state
  const md5 = createHash('md5')
  const checksum = algorithm && newDigest(algorithm)
  let size = 0

  blobs.retain(segments)
  try {
    for await (const piece of blobs.read(segments)) {
      md5.update(piece)
      checksum?.update(piece)
      size += piece.length
    }
  } catch (error) {
    blobs.release(segments)
    throw error
  }
  return {
    size,
    etag: md5.digest('hex'),
    ...(checksum &&
      algorithm && {
        checksum: {
          algorithm,
          value: checksum.digest().toString('base64'),
          type: 'FULL_OBJECT' as const,
        },
      }),
    segments,
  }
}

function resultXml(
  root: string,
  { etag, lastModified, checksum }: Part | StoredObject,
  quoted: boolean,
): string {
  return document(root, {
    LastModified: lastModified,
    ETag: quoted ? `"${etag}"` : etag,
    ...checksumMember(checksum),
  })
}
