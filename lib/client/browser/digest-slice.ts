import { chunkIdOf, sha256 } from '../../content/chunk.ts'
import type { ChunkSizes } from '../../content/chunk-sizes.ts'
import type { Stretch } from '../../content/join-chunks.ts'
import { createSlicer } from '../../content/slicer.js'

/** So much is cut before its chunks are digested: thousands at once would only wait for each other. */
const BATCH_BYTES = 1024 * 1024

export type SliceDigest = { sha256: Uint8Array<ArrayBuffer>; stretch?: Stretch }

/** SHA-256 of a slice, which is in memory meanwhile, and with `sizes` the chunks that end in it. */
export async function digestSlice(slice: Blob, sizes?: ChunkSizes): Promise<SliceDigest> {
  const bytes = new Uint8Array(await slice.arrayBuffer())
  const whole = crypto.subtle.digest('SHA-256', bytes)
  const stretch = sizes && (await cut(bytes, sizes))
  return { sha256: new Uint8Array(await whole), stretch }
}

async function cut(bytes: Uint8Array<ArrayBuffer>, sizes: ChunkSizes): Promise<Stretch> {
  const slicer = createSlicer(sizes)
  const lengths: number[] = []
  const ids: number[] = []
  for (let at = 0; at < bytes.length; at += BATCH_BYTES) {
    const chunks = slicer.push(bytes.subarray(at, at + BATCH_BYTES))
    lengths.push(...chunks.map(({ length }) => length))
    ids.push(...(await Promise.all(chunks.map(sha256))).map(chunkIdOf))
  }
  return { lengths: Uint32Array.from(lengths), ids: Float64Array.from(ids) }
}
