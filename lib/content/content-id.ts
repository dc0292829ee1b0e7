import { layoutOf, PARTS_MAX } from './layout.ts'

const DIGEST_BYTES = 32
/** `sha256:<64 hex>`, and `-<N>` for N parts; N has no leading zero. */
const CONTENT_ID = /^sha256:([0-9a-f]{64})(?:-([1-9][0-9]{0,4}))?$/
/** 32 bytes in base64 (RFC 4648, section 4): 43 characters, the last of which carries four bits, and one `=`. */
const DIGEST_BASE64 = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/

/** A content id taken apart. `parts` is 1 for the plain form. */
export type ContentId = { digest: string; parts: number }

/**
 * The content id of a file, from the raw SHA-256 digests (32 bytes each) of its parts in order, cut as `layoutOf` says.
 * One part: the digest of its bytes. More: SHA-256 over the concatenated digests and the number of parts, which is S3's
 * COMPOSITE checksum (Amazon S3 User Guide, "Checking object integrity"), so that the store itself can verify it.
 *
 * @throws RangeError for no part, more than 10,000 parts, or a digest that has not 32 bytes
 */
export async function contentIdOf(partDigests: readonly Uint8Array[]): Promise<string> {
  const [first] = partDigests
  if (first === undefined || partDigests.length > PARTS_MAX) {
    throw new RangeError(`A file has 1 to ${PARTS_MAX} parts, not ${partDigests.length}`)
  }
  if (partDigests.length === 1) return `sha256:${toHex(digestBytes(first))}`

  const joined = new Uint8Array(partDigests.length * DIGEST_BYTES)
  for (const [index, digest] of partDigests.entries()) {
    joined.set(digestBytes(digest), index * DIGEST_BYTES)
  }
  const composite = await globalThis.crypto.subtle.digest('SHA-256', joined)
  return `sha256:${toHex(new Uint8Array(composite))}-${partDigests.length}`
}

/** Takes a content id apart; null for anything that is not exactly one (capitals, `-1`, leading zeros, `-10001`). */
export function parseContentId(text: string): ContentId | null {
  const [, digest, suffix] = CONTENT_ID.exec(text) ?? []
  if (digest === undefined) return null
  if (suffix === undefined) return { digest, parts: 1 }
  const parts = Number(suffix)
  return parts >= 2 && parts <= PARTS_MAX ? { digest, parts } : null
}

/** Whether a file of this size has exactly as many parts as the content id says; false for a malformed id. */
export function contentIdFits(fileHash: string, fileSize: number): boolean {
  return parseContentId(fileHash)?.parts === layoutOf(fileSize).partCount
}

/**
 * The checksum by which S3 names the same content: base64 for one part, `base64-N` for N (HEAD with checksum mode).
 *
 * @throws RangeError for a malformed content id
 */
export function compositeOf(fileHash: string): string {
  const id = parseContentId(fileHash)
  if (id === null) throw new RangeError('Not a content id')
  const base64 = digestToBase64(fromHex(id.digest))
  return id.parts === 1 ? base64 : `${base64}-${id.parts}`
}

/**
 * A digest as S3 writes it in `x-amz-checksum-sha256`.
 *
 * @throws RangeError unless it has 32 bytes
 */
export function digestToBase64(digest: Uint8Array): string {
  return btoa(String.fromCharCode(...digestBytes(digest)))
}

/** The 32 bytes of a digest in base64; null for any other length, alphabet, padding or unused bits that are set. */
export function digestFromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (!DIGEST_BASE64.test(text)) return null
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

function digestBytes(digest: Uint8Array): Uint8Array {
  if (digest.length !== DIGEST_BYTES) {
    throw new RangeError(`A SHA-256 digest has ${DIGEST_BYTES} bytes, not ${digest.length}`)
  }
  return digest
}

/** Two lower-case digits for each byte. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The bytes of pairs of hexadecimal digits. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
