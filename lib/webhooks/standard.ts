import { createHmac, sign, timingSafeEqual, verify } from 'node:crypto'
import { privateKeyOf, publicKeyOf } from '../ed25519.ts'

/** How far the sender's clock and ours may differ, either way. */
const TOLERANCE_SECONDS = 300
/** Of one message; a sender that rotates its keys sends two. */
const SIGNATURES_MAX = 10
/** The specification asks for at least 192 bits. */
const SECRET_BYTES_MIN = 24

/** No full stop in it: what is signed is joined by those, and must not come apart in another way. */
const ID = /^[^.\s]{1,256}$/
const TIMESTAMP = /^\d{1,12}$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** What is signed of a message. `timestamp`: of this attempt, in Unix seconds. */
export type Webhook = { id: string; timestamp: number; body: string | Uint8Array }

export type WebhookHeaders = Record<
  'webhook-id' | 'webhook-timestamp' | 'webhook-signature',
  string
>

/**
 * The headers of a message (Standard Webhooks 1.0.0, https://www.standardwebhooks.com), one signature for each key: HMAC-SHA256
 * (`v1`) by a secret, `whsec_` and base64 or the base64 alone; Ed25519 (`v1a`) by a key `whsk_…`, its 32-byte seed in base64.
 *
 * @throws RangeError for an id with a full stop or a space in it, and for keys of another form
 */
export function signWebhook(message: Webhook, keys: readonly string[]): WebhookHeaders {
  const { id, timestamp } = message
  if (!ID.test(id)) throw new RangeError('A webhook id has no full stop and no space')
  const signed = signedContent(id, String(timestamp), message.body)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': keys.map((key) => signatureBy(key, signed)).join(' '),
  }
}

/**
 * Id and time of a message that one of `keys` signed within the last or next 5 minutes; null for any other. Keys: secrets as
 * in `signWebhook`, public keys `whpk_…` (32 raw bytes in base64). Several of them while they change. `body` is what
 * came, not what was parsed. Signatures are compared in constant time; whether an id came before is for the caller to know.
 *
 * @throws RangeError for keys of another form
 */
export function verifyWebhook(
  headers: Headers,
  body: Webhook['body'],
  keys: readonly string[],
): Omit<Webhook, 'body'> | null {
  const id = headers.get('webhook-id') ?? ''
  const time = headers.get('webhook-timestamp') ?? ''
  if (!ID.test(id) || !TIMESTAMP.test(time)) return null
  const timestamp = Number(time)
  if (Math.abs(Date.now() / 1000 - timestamp) > TOLERANCE_SECONDS) return null

  const signed = signedContent(id, time, body)
  const signatures = (headers.get('webhook-signature') ?? '').split(' ', SIGNATURES_MAX)
  const checks = keys.map(checkOf)
  const isSigned = checks.some((check) => signatures.some((signature) => check(signature, signed)))
  return isSigned ? { id, timestamp } : null
}

function signedContent(id: string, time: string, body: Webhook['body']): Buffer {
  return Buffer.concat([Buffer.from(`${id}.${time}.`), Buffer.from(body)])
}

function signatureBy(key: string, signed: Buffer): string {
  if (!key.startsWith('whsk_')) return `v1,${hmac(secretOf(key), signed).toString('base64')}`
  return `v1a,${sign(null, signed, privateKeyOf(key.slice(5))).toString('base64')}`
}

type Check = (signature: string, signed: Buffer) => boolean

function checkOf(key: string): Check {
  if (key.startsWith('whpk_')) {
    const publicKey = publicKeyOf(key.slice(5))
    return (signature, signed) => {
      const given = bytesOf(signature, 'v1a,', 64)
      return given !== null && verify(null, signed, publicKey, given)
    }
  }
  const secret = secretOf(key)
  return (signature, signed) => {
    const given = bytesOf(signature, 'v1,', 32)
    return given !== null && timingSafeEqual(given, hmac(secret, signed))
  }
}

function secretOf(key: string): Buffer {
  const text = key.startsWith('whsec_') ? key.slice(6) : key
  const secret = Buffer.from(BASE64.test(text) ? text : '', 'base64')
  if (secret.length >= SECRET_BYTES_MIN) return secret
  throw new RangeError(
    `A signing secret is at least ${SECRET_BYTES_MIN} bytes in base64, with or without whsec_`,
  )
}

function hmac(secret: Buffer, signed: Buffer): Buffer {
  return createHmac('sha256', secret).update(signed).digest()
}

/** The bytes of a signature of this version, if they are as many as such a one has. */
function bytesOf(signature: string, version: string, length: number): Buffer | null {
  if (!signature.startsWith(version)) return null
  const bytes = Buffer.from(signature.slice(version.length), 'base64')
  return bytes.length === length ? bytes : null
}
