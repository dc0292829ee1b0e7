import type { Chunks } from '../../../lib/content/chunk.ts'
import { madeUpNumbers } from './made-up-bytes.ts'

const AVERAGE_BYTES = 16 * 1024

/**
 * Chunk lists that share a known part: of `count` chunks, each with a length between the bounds, the first `kept` are the
 * family's and the rest the member's own.
 */
export function madeUpMember(
  family: number,
  member: number,
  size: { count: number; kept: number },
) {
  const [common, own] = [madeUpNumbers(family * 7919), madeUpNumbers(~(family * 7919 + member))]
  const offsets = new Float64Array(size.count + 1)
  const ids = new Float64Array(size.count)
  for (let index = 0; index < size.count; index++) {
    const below = index < size.kept ? common : own
    ids[index] = below(2 ** 24) * 2 ** 24 + below(2 ** 24)
    offsets[index + 1] = (offsets[index] ?? 0) + AVERAGE_BYTES / 2 + below(AVERAGE_BYTES * 1.3)
  }
  return { fileSize: offsets[size.count] ?? 0, averageBytes: AVERAGE_BYTES, offsets, ids }
}

/** The share of the larger file's distinct bytes that both have, counted. */
export function sharedExactly(a: Chunks, b: Chunks): number {
  const [inA, inB] = [distinct(a), distinct(b)]
  let common = 0
  for (const [id, length] of inA) if (inB.has(id)) common += length
  return common / Math.max(sum(inA), sum(inB))
}

function distinct({ ids, offsets }: Chunks): Map<number, number> {
  const lengths = new Map<number, number>()
  for (const [index, id] of ids.entries()) {
    lengths.set(id, (offsets[index + 1] ?? 0) - (offsets[index] ?? 0))
  }
  return lengths
}

function sum(lengths: Map<number, number>): number {
  return [...lengths.values()].reduce((total, length) => total + length, 0)
}
