import { type KeyObject, sign, verify } from 'node:crypto'
import { privateKeyOf, publicHalf, publicKeyOf } from '../ed25519.ts'

/** The longest a grant may live, in seconds; whoever needs more asks for a new one. */
export const GRANT_SECONDS_MAX = 3600
/** How far the clocks of a relay and of the control plane may differ, in seconds. */
const CLOCK_SECONDS_MAX = 300
const RELAYS_MAX = 6
/** Far above the longest grant there is: a user id of 128 characters and six relays of 64. */
const TOKEN_CHARACTERS_MAX = 2048
/** Room for parts sent twice: a slow part raced over two paths, an attempt cut off near its end. */
const REPEAT_FACTOR = 1.3
const REPEAT_BYTES = 64 * 1024 * 1024

const USER_ID = /^[A-Za-z0-9_.:@-]{1,128}$/
const RELAY_ID = /^[a-z0-9][a-z0-9-]{0,63}$/
const GRANT_ID = /^[A-Za-z0-9_-]{8,64}$/
const BASE64URL = /^[A-Za-z0-9_-]+$/
const MEMBERS = 'account,bytes,exp,id,prefix,relays,v'

/**
 * Leave to send bytes over relays: for one account's objects (`prefix` is `users/<userId>/`), over the relays named (1 to
 * 6), up to `bytes` on each of them, until `exp` (Unix seconds).
 */
export type Grant = {
  v: 1
  id: string
  account: string
  prefix: string
  relays: string[]
  bytes: number
  exp: number
}

/** The byte budget for what is still missing: 1.3 times as much, and 64 MiB. */
export function grantBytes(missingBytes: number): number {
  return Math.ceil(missingBytes * REPEAT_FACTOR) + REPEAT_BYTES
}

/**
 * A grant as it travels: `base64url(payload).base64url(signature)`, Ed25519 (RFC 8032) over the ASCII of the first half.
 *
 * @param seedBase64 the 32-byte Ed25519 seed
 * @throws RangeError for a grant that no relay would accept
 */
export function signGrant(seedBase64: string, grant: Grant): string {
  if (!isGrant(grant)) throw new RangeError('The grant is not well-formed')
  const payload = Buffer.from(JSON.stringify(grant)).toString('base64url')
  const signature = sign(null, Buffer.from(payload), privateKey(seedBase64))
  return `${payload}.${signature.toString('base64url')}`
}

/** The public half of a seed: 32 raw bytes in base64, what a relay is configured with. */
export const grantPublicKey = publicHalf

/** The key to verify grants with, from its 32 raw bytes in base64. */
export const grantVerifier = publicKeyOf

/** The grant of a token that is signed, well-formed and not expired; null otherwise. `now` is in Unix seconds. */
export function verifyGrant(
  publicKey: KeyObject | string,
  token: string,
  now: number,
): Grant | null {
  const grant = readGrant(publicKey, token, now)
  return grant !== null && grant.exp > now ? grant : null
}

/**
 * Like `verifyGrant`, but also gives a grant whose time is over, so that a relay can say which of the two it is. A grant
 * that would live for longer than one may is null.
 */
export function readGrant(publicKey: KeyObject | string, token: string, now: number): Grant | null {
  if (token.length > TOKEN_CHARACTERS_MAX) return null
  const [payload, signature, ...more] = token.split('.')
  if (payload === undefined || signature === undefined || more.length > 0) return null

  const signed = decode(signature)
  const key = typeof publicKey === 'string' ? grantVerifier(publicKey) : publicKey
  if (signed?.length !== 64 || !verify(null, Buffer.from(payload), key, signed)) return null

  const grant = parse(decode(payload))
  return isGrant(grant) && grant.exp <= now + GRANT_SECONDS_MAX + CLOCK_SECONDS_MAX ? grant : null
}

/** A process signs with one key, and making it costs several times what signing costs. */
let latest: { seedBase64: string; key: KeyObject } | undefined

function privateKey(seedBase64: string): KeyObject {
  if (latest?.seedBase64 !== seedBase64) latest = { seedBase64, key: privateKeyOf(seedBase64) }
  return latest.key
}

/** Only the one canonical spelling counts, so a token cannot be varied and stay valid. */
function decode(text: string): Buffer | null {
  if (!BASE64URL.test(text)) return null
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : null
}

function parse(bytes: Buffer | null): unknown {
  try {
    return JSON.parse(String(bytes))
  } catch {
    return null
  }
}

function isGrant(value: unknown): value is Grant {
  if (typeof value !== 'object' || value === null) return false
  const grant: Partial<Record<keyof Grant, unknown>> = value
  return (
    Object.keys(value).sort().join() === MEMBERS &&
    grant.v === 1 &&
    matches(grant.id, GRANT_ID) &&
    matches(grant.account, USER_ID) &&
    isPrefix(grant.prefix) &&
    isRelayList(grant.relays) &&
    isCount(grant.bytes) &&
    isCount(grant.exp)
  )
}

function isPrefix(value: unknown): boolean {
  const userId = typeof value === 'string' ? /^users\/([^/]+)\/$/.exec(value)?.[1] : undefined
  return userId !== undefined && USER_ID.test(userId) && userId !== '.' && userId !== '..'
}

function isRelayList(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 1 || value.length > RELAYS_MAX) return false
  return value.every((relay) => matches(relay, RELAY_ID)) && new Set(value).size === value.length
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value)
}
