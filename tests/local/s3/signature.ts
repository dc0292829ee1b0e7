import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { type Call, header } from './call.ts'
import { ALGORITHM, type Claim, claimOf } from './claim.ts'
import { refuse } from './refuse.ts'

const SKEW_MS_MAX = 15 * 60 * 1000
const EXPIRES_SECONDS_MAX = 7 * 24 * 60 * 60

/**
 * Checks a request's signature, version 4, and returns what it says of the body: a SHA-256 in hex, `UNSIGNED-PAYLOAD`
 * or one of the STREAMING- kinds. ("Signature Calculations for the Authorization Header" and "Authenticating Requests:
 * Using Query Parameters", Amazon S3 API reference.)
 *
 * @throws the refusals of S3: no or wrong signature, other region, clock skew, expiry, headers left unsigned
 */
export function verifySignature(call: Call): string {
  const claim = claimOf(call)
  const scope = checkCredential(call, claim)
  checkTime(call, claim)
  checkSignedHeaders(call, claim)

  const stringToSign = [ALGORITHM, claim.date, scope, sha256(canonicalRequest(call, claim))].join(
    '\n',
  )
  const expected = hmac(signingKey(call.store.secretAccessKey, scope), stringToSign)
  const given = Buffer.from(claim.signature, 'hex')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw refuse('SignatureDoesNotMatch', undefined, { StringToSign: stringToSign })
  }
  return claim.payloadHash
}

/** The credential scope (`date/region/s3/aws4_request`) when key id and scope are this server's. */
function checkCredential({ store }: Call, { credential, date, presigned }: Claim): string {
  const malformed = presigned ? 'AuthorizationQueryParametersError' : 'AuthorizationHeaderMalformed'
  const [accessKeyId, day, region, service, terminator] = credential.split('/')
  if (accessKeyId !== store.accessKeyId) throw refuse('InvalidAccessKeyId')
  if (region !== store.region) {
    throw refuse(malformed, `The region '${region}' is wrong; expecting '${store.region}'.`)
  }
  if (service !== 's3' || terminator !== 'aws4_request' || day !== date.slice(0, 8)) {
    throw refuse(
      malformed,
      'The credential scope must be <day of the request>/<region>/s3/aws4_request.',
    )
  }
  return [day, region, service, terminator].join('/')
}

function checkTime(call: Call, { date, presigned }: Claim): void {
  const signedAt = parseDate(date)
  const age = Date.now() - signedAt
  if (!presigned) {
    if (Math.abs(age) > SKEW_MS_MAX) throw refuse('RequestTimeTooSkewed')
    return
  }
  const expires = Number(call.query.get('X-Amz-Expires') ?? '')
  if (!Number.isInteger(expires) || expires < 1 || expires > EXPIRES_SECONDS_MAX) {
    throw refuse(
      'AuthorizationQueryParametersError',
      'X-Amz-Expires must be between 1 and 604800 seconds.',
    )
  }
  if (age < -SKEW_MS_MAX) throw refuse('AccessDenied', 'Request is not valid yet')
  if (age > expires * 1000) {
    const details = {
      'X-Amz-Expires': String(expires),
      Expires: new Date(signedAt + expires * 1000).toISOString(),
    }
    throw refuse('AccessDenied', 'Request has expired', details)
  }
}

/** `20260131T120000Z` in milliseconds. */
function parseDate(date: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? []
  const parsed = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(parsed))
    throw refuse('AccessDenied', 'X-Amz-Date must be in the ISO8601 basic format.')
  return parsed
}

/** `host` is always signed; so is everything that starts with x-amz-, or a holder of a URL could change its meaning. */
function checkSignedHeaders(call: Call, { signedHeaders }: Claim): void {
  if (!signedHeaders.includes('host'))
    throw refuse('AccessDenied', 'The Host header must be signed.')
  if (!call.store.profile.signedHeadersOnly) return
  const unsigned = Object.keys(call.request.headers).filter(
    (name) => name.startsWith('x-amz-') && !signedHeaders.includes(name),
  )
  if (unsigned.length > 0) {
    throw refuse(
      'AccessDenied',
      'There were headers present in the request which were not signed',
      {
        HeadersNotSigned: unsigned.join(', '),
      },
    )
  }
}

function canonicalRequest(call: Call, { signedHeaders, payloadHash }: Claim): string {
  const query = Array.from(call.query)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
  // Node reads header bytes as Latin-1; clients sign them as UTF-8.
  const headers = signedHeaders.map((name) => {
    const value = Buffer.from(header(call, name) ?? '', 'latin1').toString('utf8')
    return `${name}:${value.trim().replace(/ +/g, ' ')}\n`
  })
  return [
    call.method,
    canonicalPath(call.rawPath),
    query.join('&'),
    headers.join(''),
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n')
}

/** Clients differ in which characters of a path they encode; the signature is over one spelling. */
function canonicalPath(rawPath: string): string {
  return rawPath
    .split('/')
    .map((segment) => encode(decodeURIComponent(segment)))
    .join('/')
}

function encode(raw: string): string {
  return encodeURIComponent(raw).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function signingKey(secretAccessKey: string, scope: string): Buffer {
  return scope
    .split('/')
    .reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secretAccessKey}`))
}

function hmac(key: Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

function sha256(data: string): string {
  return createHash('sha256').update(data).digest('hex')
}
