import type { Chunks } from './chunk.ts'

/** So many places of one chunk are remembered; a chunk that a file repeats more often says little about where a part lies. */
const PLACES_MAX = 8
/** So far a bucket is followed, however hostile the ids in it. */
const STEPS_MAX = 64

/** Where a base file has a chunk: the index of its first repetition for each place, the longest repetitions first. */
export type ChunkIndex = { find: (id: number) => number[]; repeats: (index: number) => boolean }

/**
 * Finds chunks by id in constant time each: a hash table in two arrays of integers, 12 to 16 bytes for each chunk. Of
 * equal chunks that follow each other only the first is a place.
 */
export function createChunkIndex({ ids }: Chunks): ChunkIndex {
  const heads = new Int32Array(2 ** Math.ceil(Math.log2(ids.length + 1))).fill(-1)
  const nexts = new Int32Array(ids.length).fill(-1)
  const mask = heads.length - 1

  const repeats = (index: number) => ids[index] === ids[index + 1]
  const begins = (index: number) => ids[index] !== ids[index - 1]

  function insert(index: number): void {
    const id = ids[index] ?? 0
    if (find(id).length === PLACES_MAX) return
    const first = heads[id & mask] ?? -1
    if (first < 0) heads[id & mask] = index
    else append(first, index)
  }

  /** At the end of the bucket, unless it is full. */
  function append(first: number, index: number): void {
    let at = first
    for (let step = 0; step < STEPS_MAX; step++) {
      const next = nexts[at] ?? -1
      if (next < 0) {
        nexts[at] = index
        return
      }
      at = next
    }
  }

  function find(id: number): number[] {
    const found = []
    let at = heads[id & mask] ?? -1
    for (let step = 0; at >= 0 && step < STEPS_MAX; step++) {
      if (ids[at] === id) found.push(at)
      at = nexts[at] ?? -1
    }
    return found
  }

  for (const { index } of longestRepetitions(ids)) insert(index)
  for (let index = 0; index < ids.length; index++) {
    if (begins(index) && !repeats(index)) insert(index)
  }
  return { find, repeats }
}

/** Chunks that are followed by equal ones, those first that are followed by the most. */
function longestRepetitions(ids: Float64Array): { index: number; length: number }[] {
  const repetitions = []
  for (let index = 0; index < ids.length; ) {
    let end = index + 1
    while (end < ids.length && ids[end] === ids[index]) end += 1
    if (end - index > 1) repetitions.push({ index, length: end - index })
    index = end
  }
  return repetitions.sort((a, b) => b.length - a.length)
}
