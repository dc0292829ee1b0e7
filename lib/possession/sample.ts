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
 * each of 256 strata, the last of which ends with the file. The same seed gives the same ranges.
 *
 * Whoever misses a stratum misses its range. Whoever lacks a share of the bytes wherever they lie passes with at most
 * (1 - share)^255: of all ways to spread what is missing, evenly over the strata is the best one for a cheat.
 */
export function sampleOf(fileSize: number, seed: Uint8Array): ByteRange[] {
  if (fileSize <= WHOLE_BYTES_MAX) return wholeOf(fileSize)

  const random = createHash('shake256', { outputLength: STRATA * RANDOM_BYTES })
    .update(seed)
    .digest()
  return Array.from({ length: STRATA }, (_, index): ByteRange => {
    const start = startOf(fileSize, index)
    const room = startOf(fileSize, index + 1) - SAMPLE_BYTES - start
    const isLast = index === STRATA - 1
    const shift = random.readUIntBE(index * RANDOM_BYTES, RANDOM_BYTES) % (room + 1)
    return [start + (isLast ? room : shift), SAMPLE_BYTES]
  })
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
