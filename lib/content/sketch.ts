import type { Chunks } from './chunk.ts'

/** One byte each. The error falls with the square root of their number. */
export const BINS = 512
const VALUES = 255

/**
 * What two files' contents are compared by, without the contents: 512 bytes, one for each bin, 0 where the file has no
 * chunk for it. `distinctBytes` counts a chunk that a file repeats once.
 */
export type Sketch = { averageBytes: number; distinctBytes: number; bins: Uint8Array }

/**
 * One-permutation MinHash (Broder 1997; Li, Owen and Zhang, NIPS 2012): ids are random already, so their low bits choose
 * a bin, the rest divided by the chunk's length orders the chunks in it (a chunk twice as long is twice as likely to be
 * first: priority sampling, Duffield et al. 2007), and one byte of the first one is kept (b-bit minwise hashing, Li and
 * König 2010). Takes one pass.
 */
export function sketchOf({ ids, offsets, averageBytes }: Chunks): Sketch {
  const bins = new Uint8Array(BINS)
  const firsts = new Float64Array(BINS).fill(Number.POSITIVE_INFINITY)
  const seen = new Set<number>()
  let distinctBytes = 0
  for (const [index, id] of ids.entries()) {
    if (seen.has(id)) continue
    seen.add(id)
    const length = (offsets[index + 1] ?? 0) - (offsets[index] ?? 0)
    distinctBytes += length
    const bin = id % BINS
    const rank = Math.floor(id / BINS) / length
    if (rank >= (firsts[bin] ?? 0)) continue
    firsts[bin] = rank
    bins[bin] = byteOf(id)
  }
  return { averageBytes, distinctBytes, bins }
}

/**
 * The share of the larger file's distinct bytes that both have, 0 to 1, as far as sketches can tell. The standard error
 * is at most 0.025; where the true share is 0.95 it is 0.007. 0 for files chunked by different averages (one of them at
 * most 16 GiB and the other larger, say), which do not compare.
 */
export function similarity(a: Sketch, b: Sketch): number {
  const larger = Math.max(a.distinctBytes, b.distinctBytes)
  const smaller = Math.min(a.distinctBytes, b.distinctBytes)
  if (a.averageBytes !== b.averageBytes || larger === 0) return 0
  const resemblance = resemblanceOf(a.bins, b.bins)
  // Of J = common / (a + b - common), common = J (a + b) / (1 + J).
  const common = (resemblance * (a.distinctBytes + b.distinctBytes)) / (1 + resemblance)
  return Math.min(common, smaller) / larger
}

/** Jaccard's share of the bytes of either that both have: bins that agree, less those that do so by chance. */
function resemblanceOf(a: Uint8Array, b: Uint8Array): number {
  let filled = 0
  let equal = 0
  for (const [bin, value] of a.entries()) {
    const other = b[bin] ?? 0
    if (value === 0 && other === 0) continue
    filled += 1
    if (value === other) equal += 1
  }
  const chance = 1 / VALUES
  return filled === 0 ? 0 : Math.max(0, (equal / filled - chance) / (1 - chance))
}

/** 1 to 255, from bits that decide neither the bin nor, but for the lowest of them, the order. */
function byteOf(id: number): number {
  return 1 + ((Math.floor(id / BINS) % 2 ** 24) % VALUES)
}
