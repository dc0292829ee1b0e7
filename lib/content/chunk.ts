import { createChunkList } from './chunk-list.ts'
import { averageBytesOf, chunkSizesOf } from './chunk-sizes.ts'
import { createSlicer } from './slicer.js'

/** Slices are worked off in such pieces, so that one huge slice does not start thousands of digests at once. */
const BATCH_BYTES = 1024 * 1024

/**
 * The chunks of a file in order: chunk i covers the bytes from `offsets[i]` up to `offsets[i + 1]`, so there is one
 * offset more than ids. An id is the first 48 bits of the SHA-256 of the chunk's bytes, exact in a double.
 */
export type Chunks = {
  fileSize: number
  averageBytes: number
  offsets: Float64Array
  ids: Float64Array
}

/** SHA-256 of the bytes, which are good until it is settled. */
export type Digest = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array | Promise<Uint8Array>

export type ChunkOptions = {
  fileSize: number
  /** The nominal average; the file's own unless it is to be compared with a file of another size class. */
  averageBytes?: number
  /** WebCrypto's unless the platform has a faster one. */
  digest?: Digest
}

type Slices = AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>

/**
 * Cuts a file by its content. The slices may have any lengths; each one is used no longer than until the next is asked
 * for. Memory: two chunks of the greatest length (four averages), digests of a mebibyte, and 16 bytes for each half average.
 *
 * @throws RangeError when the slices do not add up to `fileSize`
 */
export async function chunkFile(slices: Slices, options: ChunkOptions): Promise<Chunks> {
  const { fileSize, averageBytes = averageBytesOf(fileSize), digest = sha256 } = options
  const slicer = createSlicer(chunkSizesOf(averageBytes))
  const list = createChunkList(fileSize, averageBytes)

  async function add(chunks: Uint8Array<ArrayBuffer>[]): Promise<void> {
    const digests = await Promise.all(chunks.map((bytes) => digest(bytes)))
    for (const [index, bytes] of digests.entries()) {
      list.add(chunks[index]?.length ?? 0, chunkIdOf(bytes))
    }
  }

  for await (const slice of slices) {
    for (let at = 0; at < slice.length; at += BATCH_BYTES) {
      await add(slicer.push(slice.subarray(at, at + BATCH_BYTES)))
    }
  }
  const last = slicer.rest()
  if (last.length > 0) await add([last])
  return list.chunks()
}

/** SHA-256 by WebCrypto, which every platform has. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes))
}

/** The first 48 bits of a digest as a number. */
export function chunkIdOf(digest: Uint8Array): number {
  const view = new DataView(digest.buffer, digest.byteOffset, 6)
  return view.getUint16(0) * 2 ** 32 + view.getUint32(2)
}
