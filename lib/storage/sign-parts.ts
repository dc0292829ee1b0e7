import { FILE_BYTES_MAX, layoutOf, partRange } from '../content/layout.ts'
import type { Hole } from './canonical-request.ts'
import { objectUrl, store } from './config.ts'
import { presigner } from './sigv4.ts'

/** The client's side of a long transfer is expected to be at least this fast. */
const EXPECTED_BITS_PER_SECOND = 10_000_000
const LIFETIME_SECONDS_MIN = 15 * 60
const LIFETIME_SECONDS_MAX = 24 * 3600
/**
 * Some stores honour an unsigned `x-amz-copy-source` on a presigned PUT, so its holder could turn the PUT into a copy of
 * somebody else's object. These headers mean nothing without a copy source and, signed, make a copy impossible: no ETag
 * is ever this one (for stores that weigh it), and no object has a byte at 5 TiB (for Ceph's gateway, which reads that
 * precondition under another name, but refuses a range outside the source, for parts and whole objects alike).
 */
const NO_COPIES = {
  'x-amz-copy-source-if-match': '"jettyspeed-no-copies"',
  'x-amz-copy-source-range': `bytes=${FILE_BYTES_MAX}-${FILE_BYTES_MAX}`,
}

/**
 * What a client needs to send parts: `url` with `{partNumber}` (not for a single PUT) and `{signature}`, headers to
 * send besides `content-length` and the digest, and a signature for each part number. Times are RFC 3339.
 */
export type SignedParts = {
  url: string
  headers: Record<string, string>
  signatures: Record<string, string>
  expiresAt: string
}

/** Where the parts go. Without `s3UploadId` the object is one PUT. `guarded` refuses copies on stores that need it. */
export type PartsTarget = {
  key: string
  s3UploadId: string | null
  fileSize: number
  checksum: 'sha256' | 'md5'
  guarded: boolean
}

/** A part and its SHA-256 or MD5 in base64, as the target's `checksum` says. */
export type PartDigest = { partNumber: number; digest: string }

/**
 * Signs the upload of parts, each bound to its length and digest by signed headers: the store refuses other bytes. The
 * URLs are those of @aws-sdk/s3-request-presigner, byte for byte. No I/O.
 *
 * @throws RangeError for a part that the file does not have
 */
// biome-ignore lint/complexity/useMaxParams: what, which parts, how long; the time is for tests alone
export function signParts(
  object: PartsTarget,
  parts: PartDigest[],
  lifetimeSeconds: number,
  now = new Date(),
): SignedParts {
  const layout = layoutOf(object.fileSize)
  const { url, sign } = presigner(store, {
    method: 'PUT',
    url: objectUrl(object.key),
    query: queryOf(object),
    headers: headersToSign(object),
    expiresInSeconds: lifetimeSeconds,
    now,
  })

  const signatures: Record<string, string> = {}
  for (const { partNumber, digest } of parts) {
    if (!(partNumber >= 1 && partNumber <= layout.partCount)) {
      throw new RangeError(`The file has ${layout.partCount} parts, no part ${partNumber}`)
    }
    const { length } = partRange(layout, partNumber)
    const values = { partNumber: String(partNumber), length: String(length), digest }
    signatures[partNumber] = sign(values)
  }
  return { url, headers: guardHeaders(object), signatures, expiresAt: expiry(now, lifetimeSeconds) }
}

/** The headers that bind a part URL, apart from `host`, with holes for the part's `length` and `digest`. */
export function headersToSign(
  target: Pick<PartsTarget, 'checksum' | 'guarded'>,
): Record<string, string | Hole> {
  const name = target.checksum === 'sha256' ? 'x-amz-checksum-sha256' : 'content-md5'
  const bound = { 'content-length': { hole: 'length' }, [name]: { hole: 'digest' } }
  return { ...bound, ...guardHeaders(target) }
}

/** How long URLs for this many bytes live: twice the time expected at 10 Mbit/s, 15 minutes to 24 hours. */
export function partLifetimeSeconds(bytes: number): number {
  const expectedSeconds = (bytes * 8) / EXPECTED_BITS_PER_SECOND
  return Math.min(
    LIFETIME_SECONDS_MAX,
    Math.max(LIFETIME_SECONDS_MIN, Math.ceil(2 * expectedSeconds)),
  )
}

function queryOf({ s3UploadId }: PartsTarget) {
  const common = { 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD' }
  if (s3UploadId === null) return { ...common, 'x-id': 'PutObject' }
  return {
    ...common,
    'x-id': 'UploadPart',
    uploadId: s3UploadId,
    partNumber: { hole: 'partNumber' },
  }
}

function guardHeaders({ guarded }: Pick<PartsTarget, 'guarded'>): Record<string, string> {
  return guarded ? { ...NO_COPIES } : {}
}

/** The signature's time has whole seconds. */
function expiry(now: Date, lifetimeSeconds: number): string {
  return new Date((Math.floor(now.getTime() / 1000) + lifetimeSeconds) * 1000).toISOString()
}
