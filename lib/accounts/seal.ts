import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { env, masterKeys } from '../env.ts'

const IV_BYTES = 12
const TAG_BYTES = 16
const KEY_ID_CHARS = 8
const SEALED = /^v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/

type SealKey = { id: string; key: Buffer }

/** One key per listed master key, newest first: what an older one sealed can still be read. */
const sealKeys: SealKey[] = masterKeys(env.JETTY_MASTER_KEY).map((master) => {
  const key = Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), 'jettyspeed seal v1', 32))
  return { id: createHash('sha256').update(key).digest('hex').slice(0, KEY_ID_CHARS), key }
})

/**
 * Seals a secret for the database: AES-256-GCM (NIST SP 800-38D) under a key derived from JETTY_MASTER_KEY, as
 * `v1.<key id>.<base64url of IV, text and tag>`. `context` says what the secret is and whose: it opens nowhere else.
 */
export function seal(text: string, context: string): string {
  const [newest] = sealKeys
  if (!newest) throw new Error('JETTY_MASTER_KEY lists no key')
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', newest.key, iv).setAAD(Buffer.from(context))
  const sealed = Buffer.concat([
    iv,
    cipher.update(text, 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ])
  return `v1.${newest.id}.${sealed.toString('base64url')}`
}

/** What `seal` sealed in the same context; null under a key that is not listed any more, or where anything was altered. */
export function unseal(sealed: string, context: string): string | null {
  const [, id, body] = SEALED.exec(sealed) ?? []
  const key = sealKeys.find((one) => one.id === id)?.key
  if (!key || body === undefined) return null
  const bytes = Buffer.from(body, 'base64url')
  if (bytes.length < IV_BYTES + TAG_BYTES) return null

  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES))
    .setAAD(Buffer.from(context))
    .setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES))
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch {
    return null
  }
}
