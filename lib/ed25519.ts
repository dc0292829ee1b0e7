import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** RFC 8410: what stands before the 32 raw bytes of a private key in PKCS #8. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const KEY_BYTES = 32

/**
 * An Ed25519 key (RFC 8032) to sign with, from its 32-byte seed in base64.
 *
 * @throws RangeError for anything else
 */
export function privateKeyOf(seedBase64: string): KeyObject {
  const key = Buffer.concat([PKCS8_HEAD, rawKey(seedBase64)])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

/**
 * An Ed25519 key to verify with, from its 32 raw bytes in base64.
 *
 * @throws RangeError for anything else
 */
export function publicKeyOf(rawBase64: string): KeyObject {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: rawKey(rawBase64).toString('base64url') }
  return createPublicKey({ key: jwk, format: 'jwk' })
}

/** The public half of a seed: 32 raw bytes in base64. */
export function publicHalf(seedBase64: string): string {
  const { x } = createPublicKey(privateKeyOf(seedBase64)).export({ format: 'jwk' })
  return Buffer.from(x ?? '', 'base64url').toString('base64')
}

function rawKey(base64: string): Buffer {
  const raw = Buffer.from(base64, 'base64')
  if (raw.length !== KEY_BYTES) throw new RangeError('An Ed25519 key is 32 bytes in base64')
  return raw
}
