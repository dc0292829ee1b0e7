import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { env, masterKeys } from '../env.ts'

const PREFIX = 'jt_live_'
const SECRET_BYTES = 24
const SECRET_CHARS = 32
const TAG_BYTES = 9
const TAG_CHARS = 12
const KEY = new RegExp(`^${PREFIX}[A-Za-z0-9_-]{${SECRET_CHARS + TAG_CHARS}}$`)

/** One key for tags per listed master key, newest first: what an older one made stays valid. */
const tagKeys = masterKeys(env.JETTY_MASTER_KEY).map((master) =>
  Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), 'jettyspeed api key tag v1', 32)),
)

/** A new API key: `jt_live_`, 192 random bits, and a tag that only this deployment can make. */
export function newApiKey(): string {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  return `${PREFIX}${secret}${tagOf(secret, newestTagKey())}`
}

/**
 * Whether this deployment could have made the key. Needs no I/O and takes the same time for every wrong tag, so made-up
 * keys cost nothing and teach nothing.
 */
export function isApiKey(text: string): boolean {
  if (!KEY.test(text)) return false
  const secret = text.slice(PREFIX.length, PREFIX.length + SECRET_CHARS)
  const tag = Buffer.from(text.slice(PREFIX.length + SECRET_CHARS))
  return tagKeys.map((key) => timingSafeEqual(tag, Buffer.from(tagOf(secret, key)))).includes(true)
}

/** What is stored of a key: SHA-256 in hex. The key has 192 random bits, so no salt or stretching is needed. */
export function hashApiKey(apiKey: string): string {
  return createHash('sha256').update(apiKey).digest('hex')
}

function tagOf(secret: string, key: Buffer): string {
  return createHmac('sha256', key)
    .update(secret)
    .digest()
    .subarray(0, TAG_BYTES)
    .toString('base64url')
}

function newestTagKey(): Buffer {
  const [newest] = tagKeys
  if (!newest) throw new Error('JETTY_MASTER_KEY lists no key')
  return newest
}
