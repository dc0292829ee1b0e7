import { randomBytes } from 'node:crypto'
import { receiveBody } from './body.ts'
import { bucketOf, type Call, header, integer, type Reply, setting } from './call.ts'
import {
  type Checksum,
  checksumElement,
  checksumHeader,
  checksumTypeOf,
  parseAlgorithm,
} from './checksums.ts'
import { checksumHeaders, keptHeaders, storeReceived } from './objects.ts'
import { refuse } from './refuse.ts'
import type { OpenUpload, Part, Upload } from './state.ts'
import { document } from './xml.ts'

const PART_NUMBER_MAX = 10_000
const PAGE_PARTS = 1_000

/** CreateMultipartUpload. A checksum algorithm declared here binds every part. */
export async function createUpload(call: Call): Promise<Reply> {
  bucketOf(call)
  const upload: Upload = {
    uploadId: randomBytes(24).toString('base64url'),
    bucket: call.bucket,
    key: call.key,
    initiated: new Date().toISOString(),
    headers: keptHeaders(call),
    ...(call.store.profile.checksums && { checksum: declaredChecksum(call) }),
  }
  call.store.state.commit({ type: 'upload', upload })
  return {
    status: 200,
    headers: upload.checksum && {
      'x-amz-checksum-algorithm': upload.checksum.algorithm.toUpperCase(),
      'x-amz-checksum-type': upload.checksum.type,
    },
    xml: document('InitiateMultipartUploadResult', {
      Bucket: call.bucket,
      Key: call.key,
      UploadId: upload.uploadId,
    }),
  }
}

/** UploadPart. Sending a part again replaces it; of two senders the one that finishes last stays. */
export async function uploadPart(call: Call, payloadHash: string): Promise<Reply> {
  const upload = uploadOf(call)
  const partNumber = partNumberOf(call)
  checkPartChecksum(call, upload)

  const received = await receiveBody(call, payloadHash)
  const part: Part = { partNumber, ...received, lastModified: new Date().toISOString() }
  storeReceived(call, received, () => {
    // Completed or aborted while the body came.
    uploadOf(call)
    call.store.state.commit({ type: 'part', uploadId: upload.uploadId, part })
  })
  const { 'x-amz-checksum-type': _, ...headers } = checksumHeaders(part.checksum)
  return { status: 200, headers: { etag: `"${part.etag}"`, ...headers } }
}

/** ListParts: by part number, at most 1,000 a page. */
export async function listParts(call: Call): Promise<Reply> {
  const upload = uploadOf(call)
  const max = integer(call, 'max-parts', { min: 0, max: PAGE_PARTS, otherwise: PAGE_PARTS })
  const marker = integer(call, 'part-number-marker', {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    otherwise: 0,
  })

  const following = partsInOrder(upload).filter((part) => part.partNumber > marker)
  const page = following.slice(0, max)
  const owner = { ID: call.store.accessKeyId, DisplayName: call.store.accessKeyId }
  return {
    status: 200,
    xml: document('ListPartsResult', {
      Bucket: call.bucket,
      Key: call.key,
      UploadId: upload.uploadId,
      Initiator: owner,
      Owner: owner,
      StorageClass: 'STANDARD',
      PartNumberMarker: marker,
      NextPartNumberMarker: page.at(-1)?.partNumber ?? 0,
      MaxParts: max,
      IsTruncated: following.length > page.length,
      ChecksumAlgorithm: upload.checksum?.algorithm.toUpperCase(),
      ChecksumType: upload.checksum?.type,
      Part: page.map((part) => ({
        PartNumber: part.partNumber,
        LastModified: part.lastModified,
        ETag: `"${part.etag}"`,
        Size: part.size,
        ...checksumMember(part.checksum),
      })),
    }),
  }
}

/** AbortMultipartUpload: the upload and its parts are gone. */
export async function abortUpload(call: Call): Promise<Reply> {
  const { uploadId } = uploadOf(call)
  call.store.state.commit({ type: 'abort', uploadId })
  return { status: 204 }
}

/** The open upload a call names. @throws NoSuchBucket, NoSuchUpload, also under another key than its own */
export function uploadOf(call: Call): OpenUpload {
  bucketOf(call)
  const upload = call.store.state.uploads.get(call.query.get('uploadId') ?? '')
  if (!upload || upload.bucket !== call.bucket || upload.key !== call.key)
    throw refuse('NoSuchUpload')
  return upload
}

/** @throws InvalidArgument outside 1 to 10,000 */
export function partNumberOf(call: Call): number {
  const raw = call.query.get('partNumber') ?? ''
  const max = call.store.profile.partOrder ? PART_NUMBER_MAX : Number.MAX_SAFE_INTEGER
  if (!/^\d{1,9}$/.test(raw) || Number(raw) < 1 || Number(raw) > max) {
    throw refuse(
      'InvalidArgument',
      `Part number must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive.`,
    )
  }
  return Number(raw)
}

export function partsInOrder(upload: OpenUpload): Part[] {
  return Array.from(upload.parts.values()).sort((one, other) => one.partNumber - other.partNumber)
}

/** A checksum as a member of XML, none when there is none. */
export function checksumMember(checksum: Checksum | undefined): Record<string, string> {
  return checksum ? { [checksumElement(checksum.algorithm)]: checksum.value } : {}
}

function declaredChecksum(call: Call): Upload['checksum'] {
  const name = setting(call, 'x-amz-checksum-algorithm')
  if (name === undefined) return undefined
  const algorithm = parseAlgorithm(name)
  return {
    algorithm,
    type: checksumTypeOf(algorithm, setting(call, 'x-amz-checksum-type')?.toUpperCase()),
  }
}

/**
 * A part of a composite must carry a checksum of the declared algorithm; AWS computes none for it. (Full-object uploads
 * may leave it out.)
 */
function checkPartChecksum(call: Call, { checksum }: OpenUpload): void {
  if (!checksum) return
  const own = checksumHeader(checksum.algorithm)
  if (header(call, own) !== undefined || header(call, 'x-amz-trailer') === own) return
  const other = Object.keys(call.request.headers).find(
    (name) => name.startsWith('x-amz-checksum-') && !name.endsWith('-type'),
  )
  if (!other && checksum.type === 'FULL_OBJECT') return
  const actual = other?.slice('x-amz-checksum-'.length) ?? 'null'
  throw refuse(
    'InvalidRequest',
    `Checksum Type mismatch occurred, expected checksum Type: ${checksum.algorithm}, actual checksum Type: ${actual}`,
  )
}
