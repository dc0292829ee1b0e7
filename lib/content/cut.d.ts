import type { ChunkSizes } from './chunk-sizes.ts'

/**
 * A random 32-bit number for each byte value: successive outputs of splitmix32 from the seed 0x4A455454 ("JETT").
 * Published in docs/chunking-vectors.json; another table finds other chunks.
 */
export const GEAR: Int32Array

/**
 * Finds the ends of chunks in successive slices of one file. `next(bytes, from)` goes on at `from` and answers the index
 * after the last byte of the current chunk, from which the next one begins, or 0 when that end is not in this slice.
 * How the file is sliced makes no difference. What remains after the last slice is the last chunk.
 */
export type Cutter = { next: (bytes: Uint8Array, from: number) => number }

/**
 * FastCDC (Xia et al., USENIX ATC 2016): a gear hash of 32 bits, so of the last 32 bytes, looked at only past the
 * shortest length. Holds two numbers of state.
 */
export function createCutter(sizes: ChunkSizes): Cutter
