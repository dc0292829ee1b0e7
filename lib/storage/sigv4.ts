import { createHash, createHmac } from 'node:crypto'
import {
  canonicalQuery,
  canonicalRequest,
  fill,
  type Hole,
  type Pieces,
  signedHeaders,
} from './canonical-request.ts'

const ALGORITHM = 'AWS4-HMAC-SHA256'
/** S3's limit for a presigned URL. */
const LIFETIME_SECONDS_MAX = 7 * 24 * 3600

export type Credentials = { region: string; accessKeyId: string; secretAccessKey: string }

/**
 * A request to be signed in its query string. `url` has an escaped path and no query; `headers` are signed besides
 * `host`, so whoever uses the URL must send exactly these.
 */
export type PresignRequest = {
  method: string
  url: string
  query: Record<string, string | Hole>
  headers: Record<string, string | Hole>
  expiresInSeconds: number
  now: Date
}

/** One request shape, to be signed many times: the URL as text with holes, and the signature for what fills them. */
export type Presigner = {
  /** Each hole of the query stands as `{name}`, the signature's as `{signature}`. */
  url: string
  /** The signature in hex. `values` fill the holes of the query and of the headers. */
  sign: (values: Record<string, string>) => string
}

/**
 * Prepares AWS Signature Version 4 in the query string ("Authenticating Requests: Using Query Parameters") for an
 * unsigned payload. What all signatures share is computed once; one signature costs a hash and an HMAC.
 *
 * @throws RangeError for a lifetime outside 1 s to 7 days
 */
export function presigner(credentials: Credentials, request: PresignRequest): Presigner {
  const { expiresInSeconds, now } = request
  if (!(expiresInSeconds >= 1 && expiresInSeconds <= LIFETIME_SECONDS_MAX)) {
    throw new RangeError('A presigned URL lives 1 second to 7 days')
  }
  const { origin, host, pathname } = new URL(request.url)
  const headers = { ...request.headers, host }
  const time = longDate(now)
  const scope = scopeOf(credentials, time, 's3')
  const query = {
    ...request.query,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresInSeconds),
    'X-Amz-SignedHeaders': signedHeaders(headers),
  }
  const parts = {
    method: request.method,
    path: pathname,
    query,
    headers,
    payloadHash: 'UNSIGNED-PAYLOAD',
  }
  const canonical = canonicalRequest(parts)
  const key = signingKey(credentials, time.slice(0, 8), 's3')
  const head = `${ALGORITHM}\n${time}\n${scope}\n`

  return {
    url: `${origin}${pathname}?${withHoles(canonicalQuery({ ...query, 'X-Amz-Signature': { hole: 'signature' } }))}`,
    sign: (values) => signature(key, head, fill(canonical, values)),
  }
}

/** A presigned URL for one request without holes. */
export function presign(credentials: Credentials, request: PresignRequest): string {
  const { url, sign } = presigner(credentials, request)
  return url.replace('{signature}', sign({}))
}

/** The signature of a canonical request; `head` is what stands above its hash in the string to sign. */
export function signature(key: Buffer, head: string, canonical: string): string {
  const hashed = createHash('sha256').update(canonical).digest('hex')
  return createHmac('sha256', key)
    .update(head + hashed)
    .digest('hex')
}

/** The key of one day, region and service ("Derive a signing key"), kept as long as the same one is asked for. */
export function signingKey(credentials: Credentials, day: string, service: string): Buffer {
  const { secretAccessKey, region } = credentials
  const name = [secretAccessKey, day, region, service].join('\n')
  if (keptKey?.name === name) return keptKey.key
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(
    (previous, text) => createHmac('sha256', previous).update(text).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  )
  keptKey = { name, key }
  return key
}

/** The credential scope of a time in SigV4's notation. */
export function scopeOf({ region }: Credentials, time: string, service: string): string {
  return `${time.slice(0, 8)}/${region}/${service}/aws4_request`
}

/** SigV4's notation of a time: `20261123T011500Z`. */
export function longDate(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
}

let keptKey: { name: string; key: Buffer } | undefined

function withHoles(pieces: Pieces): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : `{${piece.hole}}`)).join('')
}
