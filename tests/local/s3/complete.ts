import { createHash } from 'node:crypto'
import { receiveXml } from './body.ts'
import { bucketOf, type Call, header, type Reply } from './call.ts'
import { type Checksum, checksumElement, checksumHeader, compositeChecksum } from './checksums.ts'
import { checkWrite, unquote } from './conditions.ts'
import { checksumMember, uploadOf } from './multipart.ts'
import { conditionsOf } from './objects.ts'
import { refuse } from './refuse.ts'
import type { OpenUpload, Part, StoredObject } from './state.ts'
import { document, elements, text } from './xml.ts'

const PART_BYTES_MIN = 5 * 1024 ** 2

/** A part as the client lists it. */
type ListedPart = { partNumber: number; etag: string; checksum?: string }

/**
 * CompleteMultipartUpload: checks the list against the stored parts and makes them the object, all in one synchronous
 * step that moves no byte. Parts that are not listed go.
 */
export async function completeUpload(call: Call, payloadHash: string): Promise<Reply> {
  const { profile, state } = call.store
  const xml = await receiveXml(call, payloadHash)
  const upload = uploadOf(call)
  const parts = chooseParts(call, upload, parseParts(xml, upload))
  if (profile.conditionalCompletion) {
    checkWrite(bucketOf(call).objects.get(call.key), conditionsOf(call))
  }

  const object = assemble(upload, parts)
  checkWhole(call, object)
  state.commit({ type: 'complete', uploadId: upload.uploadId, object })
  return {
    status: 200,
    xml: document('CompleteMultipartUploadResult', {
      Location: `http://${header(call, 'host')}${call.rawPath}`,
      Bucket: call.bucket,
      Key: call.key,
      ETag: profile.properEtags ? `"${object.etag}"` : '',
      ...checksumMember(object.checksum),
      ChecksumType: object.checksum?.type,
    }),
  }
}

function parseParts(xml: string, { checksum }: OpenUpload): ListedPart[] {
  const listed = elements(xml, 'Part').map((part) => ({
    partNumber: Number(text(part, 'PartNumber') ?? Number.NaN),
    etag: unquote(text(part, 'ETag') ?? ''),
    checksum: checksum && text(part, checksumElement(checksum.algorithm)),
  }))
  if (listed.length === 0 || listed.some((part) => !Number.isInteger(part.partNumber))) {
    throw refuse('MalformedXML')
  }
  return listed
}

/** The stored parts that were listed, in order. */
function chooseParts(
  { store: { profile } }: Call,
  upload: OpenUpload,
  listed: ListedPart[],
): Part[] {
  const ordered = listed.every(
    (part, index) => part.partNumber > (listed[index - 1]?.partNumber ?? 0),
  )
  if (!ordered && profile.partOrder) throw refuse('InvalidPartOrder')
  const sorted = listed.toSorted((one, other) => one.partNumber - other.partNumber)

  if (upload.checksum?.type === 'COMPOSITE') checkNumbering(upload, sorted)
  const parts = sorted.map((part) => choosePart(upload, part))
  const small = parts.slice(0, -1).find((part) => part.size < PART_BYTES_MIN)
  if (small) {
    throw refuse('EntityTooSmall', undefined, {
      ProposedSize: String(small.size),
      MinSizeAllowed: String(PART_BYTES_MIN),
      PartNumber: String(small.partNumber),
    })
  }
  return parts
}

function checkNumbering({ checksum }: OpenUpload, listed: ListedPart[]): void {
  const bare = listed.find((part) => part.checksum === undefined)
  if (bare) {
    throw refuse(
      'InvalidRequest',
      `The upload was created using a ${checksum?.algorithm} checksum. The complete request must include the ` +
        `checksum for each part. It was missing for part ${bare.partNumber} in the request.`,
    )
  }
  // "Part numbers must use consecutive numbering" where a composite is asked for, and AWS says so with a 500.
  if (listed.some((part, index) => part.partNumber !== index + 1)) {
    throw refuse(
      'InternalError',
      'With a composite checksum, part numbers must count from 1 without a gap.',
    )
  }
}

function choosePart(upload: OpenUpload, { partNumber, etag, checksum }: ListedPart): Part {
  const part = upload.parts.get(partNumber)
  const wrong =
    !part || part.etag !== etag || (checksum !== undefined && part.checksum?.value !== checksum)
  if (wrong) {
    throw refuse('InvalidPart', undefined, {
      UploadId: upload.uploadId,
      PartNumber: String(partNumber),
      ETag: etag,
    })
  }
  return part
}

function assemble(upload: OpenUpload, parts: Part[]): StoredObject {
  const md5s = parts.map((part) => Buffer.from(part.etag, 'hex'))
  const checksum = compositeOf(upload, parts)
  return {
    key: upload.key,
    size: parts.reduce((sum, part) => sum + part.size, 0),
    etag: `${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-${parts.length}`,
    lastModified: new Date().toISOString(),
    headers: upload.headers,
    ...(checksum && { checksum }),
    segments: parts.flatMap((part) => part.segments),
  }
}

/** Full-object checksums of multipart uploads would need the bytes again, so this server keeps none for them. */
function compositeOf({ checksum }: OpenUpload, parts: Part[]): Checksum | undefined {
  if (checksum?.type !== 'COMPOSITE') return undefined
  return compositeChecksum(
    checksum.algorithm,
    parts.map((part) => part.checksum?.value ?? ''),
  )
}

/** What the client expects of the whole: its size and its composite, with or without the `-N`. */
function checkWhole(call: Call, { size, checksum }: StoredObject): void {
  const expectedSize = header(call, 'x-amz-mp-object-size')
  if (expectedSize !== undefined && Number(expectedSize) !== size) {
    throw refuse(
      'InvalidRequest',
      `The object has ${size} bytes, not the ${expectedSize} of x-amz-mp-object-size.`,
    )
  }
  const expected = checksum && header(call, checksumHeader(checksum.algorithm))
  if (
    expected !== undefined &&
    expected !== checksum?.value &&
    expected !== checksum?.value.replace(/-\d+$/, '')
  ) {
    throw refuse('BadDigest')
  }
}
