import { createHash } from 'node:crypto'

/** Up to this size every byte is asked for, in ranges of 1 MiB. */
export const WHOLE_BYTES_MAX = 8 * 1024 * 1024
const WHOLE_RANGE_BYTES = 1024 * 1024
/** A larger file is cut into so many strata of equal size, and each is asked for one range. */
export const STRATA = 256
export const SAMPLE_BYTES = 32 * 1024
/** A random number modulo the width of a stratum (at most 2^35) is uniform to within 2^-13. */
const RANDOM_BYTES = 6

/** A range of a file: its first byte, and how many. */
export type ByteRange = [offset: number, length: number]

/**
 * The ranges of a file that a proof of possession is made of: all of it up to 8 MiB; above, 32 KiB at a random place of
 * each of 256 strata, and the last 32 KiB. The same seed gives the same ranges.
 *
 * Whoever lacks a whole stratum never passes, and whoever has a share of the bytes, wherever they lie, with at most
 * share^256: N places in a stratum whose range he has are N + 32 Ki - 1 bytes that he has, so its share of good places is
 * no larger than its share of bytes; and of all shares with one mean, equal ones have the largest product.
 */
export function sampleOf(fileSize: number, seed: Uint8Array): ByteRange[] {
  if (fileSize <= WHOLE_BYTES_MAX) return wholeOf(fileSize)

  const random = createHash('shake256', { outputLength: STRATA * RANDOM_BYTES })
    .update(seed)
    .digest()
  const sampled = Array.from({ length: STRATA }, (_, index): ByteRange => {
    const start = startOf(fileSize, index)
    const places = startOf(fileSize, index + 1) - start - SAMPLE_BYTES + 1
    const place = random.readUIntBE(index * RANDOM_BYTES, RANDOM_BYTES) % places
    return [start + place, SAMPLE_BYTES]
  })
  return [...sampled, [fileSize - SAMPLE_BYTES, SAMPLE_BYTES]]
}

function wholeOf(fileSize: number): ByteRange[] {
  return Array.from({ length: Math.ceil(fileSize / WHOLE_RANGE_BYTES) }, (_, index) => {
    const offset = index * WHOLE_RANGE_BYTES
    return [offset, Math.min(WHOLE_RANGE_BYTES, fileSize - offset)]
  })
}

function startOf(fileSize: number, stratum: number): number {
  return Math.floor((fileSize * stratum) / STRATA)
}
