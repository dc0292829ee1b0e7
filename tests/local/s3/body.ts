import { createHash } from 'node:crypto'
import type { Segment } from './blobs.ts'
import { type Call, header } from './call.ts'
import {
  CHECKSUM_ALGORITHMS,
  type Checksum,
  type ChecksumAlgorithm,
  checksumHeader,
  newDigest,
  parseAlgorithm,
  parseChecksum,
} from './checksums.ts'
import { decodeChunked } from './chunked.ts'
import { refuse } from './refuse.ts'

const BODY_BYTES_MAX = 5 * 1024 ** 3
/** A completion that lists 10,000 parts with their checksums has about 2 MB. */
const XML_BYTES_MAX = 8 * 1024 ** 2
const TRAILER_PAYLOAD = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'

/** Bytes that arrived whole and as declared. The caller commits them to the state, or releases the segments. */
export type Received = { size: number; etag: string; checksum?: Checksum; segments: Segment[] }

/** What a request says of its body before it comes. */
type Declared = {
  length: number
  payloadHash?: string
  md5?: string
  checksum?: { algorithm: ChecksumAlgorithm; value?: string }
  chunked: boolean
}

/**
 * Streams the body of an object or a part to disk while hashing it, and compares all that was declared: length,
 * x-amz-content-sha256, Content-MD5 and the x-amz-checksum-* header or trailer. A checksum in the query of a presigned
 * URL is not looked at: S3 does not either.
 *
 * @param payloadHash what the signature says of the body
 * @throws BadDigest, InvalidDigest, XAmzContentSHA256Mismatch, EntityTooLarge, MissingContentLength, IncompleteBody;
 *   then nothing is stored
 */
export async function receiveBody(call: Call, payloadHash: string): Promise<Received> {
  const declared = declaredOf(call, payloadHash)
  const md5 = createHash('md5')
  const algorithm = declared.checksum?.algorithm
  const checksum = algorithm && newDigest(algorithm)
  const sha256 = declared.payloadHash ? createHash('sha256') : undefined
  const trailers = new Map<string, string>()

  const bytes = incoming(call)
  const segment = await call.store.state.blobs.write(
    declared.chunked ? decodeChunked(bytes, trailers) : bytes,
    (piece) => {
      md5.update(piece)
      checksum?.update(piece)
      sha256?.update(piece)
    },
  )
  try {
    if (segment.length !== declared.length) throw refuse('IncompleteBody')
    if (sha256 && sha256.digest('hex') !== declared.payloadHash)
      throw refuse('XAmzContentSHA256Mismatch')
    const digest = md5.digest()
    if (declared.md5 && digest.toString('base64') !== declared.md5) throw refuse('BadDigest')

    const received: Received = {
      size: segment.length,
      etag: digest.toString('hex'),
      segments: [segment],
    }
    if (!checksum || !algorithm) return received
    const value = checksum.digest().toString('base64')
    const expected = declared.checksum?.value ?? trailers.get(checksumHeader(algorithm))
    if (expected !== undefined && expected !== value) {
      throw refuse(
        'BadDigest',
        `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
      )
    }
    return { ...received, checksum: { algorithm, value, type: 'FULL_OBJECT' } }
  } catch (error) {
    call.store.state.blobs.release([segment])
    throw error
  }
}

/**
 * The body of a small XML request.
 *
 * @throws MalformedXML above 8 MiB, XAmzContentSHA256Mismatch
 */
export async function receiveXml(call: Call, payloadHash: string): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of incoming(call)) {
    length += piece.length
    if (length > XML_BYTES_MAX)
      throw refuse('MalformedXML', 'The XML is larger than this server reads.')
    pieces.push(piece)
  }
  const body = Buffer.concat(pieces)
  if (isHash(payloadHash) && createHash('sha256').update(body).digest('hex') !== payloadHash) {
    throw refuse('XAmzContentSHA256Mismatch')
  }
  return body.toString('utf8')
}

function declaredOf(call: Call, payloadHash: string): Declared {
  const chunked = payloadHash.startsWith('STREAMING-')
  if (chunked && !call.store.profile.chunkedBodies) throw refuse('MissingContentLength')
  if (chunked && payloadHash !== TRAILER_PAYLOAD) {
    throw refuse(
      'NotImplemented',
      `${payloadHash} is not implemented: send ${TRAILER_PAYLOAD} or a plain body.`,
    )
  }
  const length = header(call, chunked ? 'x-amz-decoded-content-length' : 'content-length')
  if (length === undefined || !/^\d+$/.test(length)) throw refuse('MissingContentLength')
  if (Number(length) > BODY_BYTES_MAX) throw refuse('EntityTooLarge')
  return {
    length: Number(length),
    payloadHash: isHash(payloadHash) ? payloadHash : undefined,
    md5: declaredMd5(call),
    checksum: call.store.profile.checksums ? declaredChecksum(call) : undefined,
    chunked,
  }
}

function declaredMd5(call: Call): string | undefined {
  const md5 = header(call, 'content-md5')
  if (md5 !== undefined && Buffer.from(md5, 'base64').length !== 16) throw refuse('InvalidDigest')
  return md5
}

function declaredChecksum(call: Call): Declared['checksum'] {
  const sent = CHECKSUM_ALGORITHMS.filter(
    (algorithm) => header(call, checksumHeader(algorithm)) !== undefined,
  )
  if (sent.length > 1) {
    throw refuse(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed.',
    )
  }
  const [algorithm] = sent
  const value = algorithm && header(call, checksumHeader(algorithm))
  if (algorithm && value !== undefined) return { algorithm, value: parseChecksum(algorithm, value) }

  const trailer = header(call, 'x-amz-trailer')
  if (trailer?.startsWith('x-amz-checksum-')) {
    return { algorithm: parseAlgorithm(trailer.slice('x-amz-checksum-'.length)) }
  }
  return undefined
}

/** The bytes of the request; a sender that waits for "100 Continue" is told to go on only here, past all refusals. */
async function* incoming({ request, response }: Call): AsyncGenerator<Buffer> {
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue()
  try {
    // The iterator must not close the connection when its reader gives up: the refusal still has to go out.
    for await (const piece of request.iterator({ destroyOnReturn: false })) yield piece
  } catch (cause) {
    throw Object.assign(refuse('IncompleteBody'), { cause })
  }
}

function isHash(payloadHash: string): boolean {
  return /^[0-9a-f]{64}$/.test(payloadHash)
}
