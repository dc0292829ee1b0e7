/**
 * A chunk manifest, version 1, all numbers big-endian:
 *
 *     "JCM1" · file size (6 bytes) · the content id's digest (32) · number of chunks n (4)
 *     · n - 1 lengths, each less the shortest there is (LEB128 varints; the last follows from the size)
 *     · n chunk ids (6 each) · the first 8 bytes of the SHA-256 of all before
 *
 * The average is `averageBytesOf(fileSize)`, the number of parts in the content id `layoutOf(fileSize)`.
 */
export const MAGIC = [0x4a, 0x43, 0x4d, 0x31]
export const DIGEST_AT = 10
export const COUNT_AT = 42
export const HEADER_BYTES = 46
export const ID_BYTES = 6
export const CHECKSUM_BYTES = 8

const SMALL_MANIFEST_BYTES = 4 * 1024
const SHARE_OF_FILE = 1_000
const LARGE_MANIFEST_BYTES = 20 * 1024 * 1024

/**
 * The most bytes that the manifest of a file of this size can have: a thousandth of it, but at least 4 KiB and at most
 * 20 MiB. It holds for any content: an entry of 7 bytes describes at least 8,192, one of 8 at least 8,320, one of 9 at
 * least 24,576, and no file has more than 2^21 chunks.
 */
export function manifestBytesMax(fileSize: number): number {
  const share = Math.floor(fileSize / SHARE_OF_FILE)
  return Math.min(Math.max(SMALL_MANIFEST_BYTES, share), LARGE_MANIFEST_BYTES)
}

/** The first 8 bytes of the SHA-256 of these bytes. */
export async function checksumOf(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const digest = await globalThis.crypto.subtle.digest('SHA-256', bytes)
  return new Uint8Array(digest, 0, CHECKSUM_BYTES)
}
