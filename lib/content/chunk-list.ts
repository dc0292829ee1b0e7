import type { Chunks } from './chunk.ts'
import { chunkCountMax } from './chunk-sizes.ts'

/** Chunks being listed; room for as many as there can be. */
export type ChunkList = {
  add: (length: number, id: number) => void
  /** Where the last chunk ends. */
  end: () => number
  /** @throws RangeError when the chunks do not add up to the file */
  chunks: () => Chunks
}

export function createChunkList(fileSize: number, averageBytes: number): ChunkList {
  const room = chunkCountMax(fileSize, averageBytes)
  const ids = new Float64Array(room)
  const offsets = new Float64Array(room + 1)
  let count = 0
  const end = () => offsets[count] ?? 0
  return {
    end,
    add: (length, id) => {
      const offset = end() + length
      ids[count] = id
      count += 1
      offsets[count] = offset
    },
    chunks: () => {
      if (count > room || end() !== fileSize) {
        throw new RangeError(`The slices are not the ${fileSize} bytes of the file`)
      }
      return {
        fileSize,
        averageBytes,
        ids: ids.slice(0, count),
        offsets: offsets.slice(0, count + 1),
      }
    },
  }
}
