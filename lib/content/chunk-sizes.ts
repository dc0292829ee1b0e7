const KIB = 1024
const AVERAGE_BYTES_MIN = 16 * KIB
/** So many average chunks at most, whatever the size of the file: lists and manifests stay in memory. */
const AVERAGE_CHUNKS_MAX = 2 ** 20

/** Where chunks may end, for one nominal average. `strictMask` rules up to `normalBytes`, `looseMask` beyond. */
export type ChunkSizes = {
  averageBytes: number
  minBytes: number
  normalBytes: number
  maxBytes: number
  strictMask: number
  looseMask: number
}

/**
 * The nominal average length of a file's chunks in bytes, a power of two and a pure function of the file's size: 16 KiB
 * up to 16 GiB, then the smallest that makes at most 2^20 of them (8 MiB at 5 TiB). Frozen by
 * docs/chunking-vectors.json, because chunks of different averages do not match.
 */
export function averageBytesOf(fileSize: number): number {
  let average = AVERAGE_BYTES_MIN
  while (fileSize > average * AVERAGE_CHUNKS_MAX) average *= 2
  return average
}

/**
 * Bounds and masks for an average of 2^n bytes, normalized as in FastCDC (Xia et al., USENIX ATC 2016, section 3.4): no
 * end before half of it; up to three quarters one position in 2^(n+1) ends a chunk, then one in 2^(n-1); at four times
 * it ends anyway. In random bytes that makes 1.18 times the nominal average.
 */
export function chunkSizesOf(averageBytes: number): ChunkSizes {
  const bits = Math.log2(averageBytes)
  return {
    averageBytes,
    minBytes: averageBytes / 2,
    normalBytes: (averageBytes / 4) * 3,
    maxBytes: averageBytes * 4,
    strictMask: highBits(bits + 1),
    looseMask: highBits(bits - 1),
  }
}

/** The most chunks that a file of this size can have: every one but the last has at least half the average. */
export function chunkCountMax(fileSize: number, averageBytes: number): number {
  return Math.ceil(fileSize / (averageBytes / 2))
}

/** The highest bits of 32: those of a gear hash that depend on the most bytes before. */
function highBits(count: number): number {
  return -1 << (32 - count)
}
