import type { Chunks } from './chunk.ts'
import { averageBytesOf, chunkSizesOf } from './chunk-sizes.ts'
import { contentIdFits, fromHex, parseContentId } from './content-id.ts'
import {
  CHECKSUM_BYTES,
  COUNT_AT,
  checksumOf,
  DIGEST_AT,
  HEADER_BYTES,
  ID_BYTES,
  MAGIC,
} from './manifest-format.ts'

/** What a manifest says: which content it describes, and where its chunks lie. */
export type Manifest = { fileHash: string; chunks: Chunks }

/**
 * The manifest of a file in bytes (manifest-format.ts), at most `manifestBytesMax` of them.
 *
 * @throws RangeError for a content id that is malformed or does not fit the size, and for chunks of another average
 * than the file's own
 */
export async function encodeManifest({
  fileHash,
  chunks,
}: Manifest): Promise<Uint8Array<ArrayBuffer>> {
  const { fileSize, averageBytes } = chunks
  const id = parseContentId(fileHash)
  if (id === null || !contentIdFits(fileHash, fileSize)) {
    throw new RangeError(`Not the content id of ${fileSize} bytes`)
  }
  if (averageBytes !== averageBytesOf(fileSize)) throw new RangeError('Chunks of another average')

  const lengths = encodeLengths(chunks)
  const bytes = new Uint8Array(
    HEADER_BYTES + lengths.length + chunks.ids.length * ID_BYTES + CHECKSUM_BYTES,
  )
  bytes.set(MAGIC)
  const view = new DataView(bytes.buffer)
  view.setUint16(4, fileSize / 2 ** 32)
  view.setUint32(6, fileSize % 2 ** 32)
  bytes.set(fromHex(id.digest), DIGEST_AT)
  view.setUint32(COUNT_AT, chunks.ids.length)
  bytes.set(lengths, HEADER_BYTES)
  let at = HEADER_BYTES + lengths.length
  for (const chunkId of chunks.ids) {
    view.setUint16(at, chunkId / 2 ** 32)
    view.setUint32(at + 2, chunkId % 2 ** 32)
    at += ID_BYTES
  }
  bytes.set(await checksumOf(bytes.subarray(0, at)), at)
  return bytes
}

/** The lengths of all chunks but the last, each less the shortest there is. */
function encodeLengths({ offsets, averageBytes }: Chunks): Uint8Array {
  const { minBytes } = chunkSizesOf(averageBytes)
  const bytes = new Uint8Array(offsets.length * 4)
  let at = 0
  for (let index = 1; index < offsets.length - 1; index++) {
    let rest = (offsets[index] ?? 0) - (offsets[index - 1] ?? 0) - minBytes
    for (; rest > 127; rest >>>= 7) {
      bytes[at] = (rest & 127) | 128
      at += 1
    }
    bytes[at] = rest
    at += 1
  }
  return bytes.subarray(0, at)
}
