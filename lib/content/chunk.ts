import { averageBytesOf, type ChunkSizes, chunkCountMax, chunkSizesOf } from './chunk-sizes.ts'
import { createCutter } from './cut.ts'

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

export type ChunkOptions = {
  fileSize: number
  /** The nominal average; the file's own unless it is to be compared with a file of another size class. */
  averageBytes?: number
  /** SHA-256 of the bytes, which are good until it is settled. WebCrypto's unless the platform has a faster one. */
  digest?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array | Promise<Uint8Array>
}

type Slices = AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>

/**
 * Cuts a file by its content. The slices may have any lengths; each one is used no longer than until the next is asked
 * for. Memory: one chunk of the greatest length (four averages), digests of a mebibyte, and 16 bytes for each half average.
 *
 * @throws RangeError when the slices do not add up to `fileSize`
 */
export async function chunkFile(slices: Slices, options: ChunkOptions): Promise<Chunks> {
  const { fileSize, averageBytes = averageBytesOf(fileSize), digest = sha256 } = options
  const sizes = chunkSizesOf(averageBytes)
  const cutter = createCutter(sizes)
  const carry = createCarry(sizes)
  const list = createList(fileSize, averageBytes)

  async function add(chunks: Uint8Array<ArrayBuffer>[]): Promise<void> {
    const digests = await Promise.all(chunks.map((bytes) => digest(bytes)))
    for (const [index, bytes] of digests.entries()) list.add(chunks[index]?.length ?? 0, bytes)
  }

  async function cut(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const chunks = []
    let start = 0
    for (let end = cutter.next(bytes, 0); end > 0; end = cutter.next(bytes, end)) {
      chunks.push(carry.join(bytes.subarray(start, end)))
      start = end
    }
    await add(chunks)
    carry.keep(bytes.subarray(start))
  }

  for await (const slice of slices) {
    for (let at = 0; at < slice.length; at += BATCH_BYTES) {
      await cut(slice.subarray(at, at + BATCH_BYTES))
    }
  }
  const last = carry.join(new Uint8Array())
  if (last.length > 0) await add([last])
  return list.end()
}

/** The first 48 bits of a digest as a number. */
export function chunkIdOf(digest: Uint8Array): number {
  const view = new DataView(digest.buffer, digest.byteOffset, 6)
  return view.getUint16(0) * 2 ** 32 + view.getUint32(2)
}

/** Chunks being listed; room for as many as there can be. */
function createList(fileSize: number, averageBytes: number) {
  const room = chunkCountMax(fileSize, averageBytes)
  const ids = new Float64Array(room)
  const offsets = new Float64Array(room + 1)
  let count = 0
  return {
    add: (length: number, digest: Uint8Array): void => {
      ids[count] = chunkIdOf(digest)
      count += 1
      offsets[count] = (offsets[count - 1] ?? 0) + length
    },
    end: (): Chunks => {
      if (count > room || offsets[count] !== fileSize) {
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

/** The beginning of a chunk that goes on in the next slice. What `join` gives is good until `keep`. */
function createCarry({ maxBytes }: ChunkSizes) {
  let bytes = new Uint8Array()
  let length = 0

  function keep(more: Uint8Array): void {
    if (more.length === 0) return
    if (bytes.length === 0) bytes = new Uint8Array(maxBytes)
    bytes.set(more, length)
    length += more.length
  }

  function join(rest: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (length === 0) return rest
    keep(rest)
    const whole = bytes.subarray(0, length)
    length = 0
    return whole
  }

  return { keep, join }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes))
}
