import { averageBytesOf, type ChunkSizes, chunkSizesOf } from './chunk-sizes.ts'
import { toHex } from './content-id.ts'
import type { Manifest } from './encode-manifest.ts'
import { FILE_BYTES_MAX, layoutOf } from './layout.ts'
import {
  CHECKSUM_BYTES,
  COUNT_AT,
  checksumOf,
  DIGEST_AT,
  HEADER_BYTES,
  ID_BYTES,
  MAGIC,
  manifestBytesMax,
} from './manifest-format.ts'

/** No length of a chunk needs more: four groups of seven bits. */
const VARINT_BYTES_MAX = 4

type Header = { fileSize: number; digest: Uint8Array; count: number }

/**
 * What these bytes say; null for anything but exactly one manifest of version 1 that is whole. Never throws. Time and
 * memory are in proportion to the bytes, of which no more than 20 MiB are looked at. Right checksums are no proof: a
 * manifest is a client's hint.
 */
export async function decodeManifest(bytes: Uint8Array<ArrayBuffer>): Promise<Manifest | null> {
  const header = readHeader(bytes)
  if (header === null || !(await isWhole(bytes))) return null
  const { fileSize, count } = header
  const averageBytes = averageBytesOf(fileSize)
  const idsAt = bytes.length - CHECKSUM_BYTES - count * ID_BYTES
  const offsets = readOffsets(
    bytes.subarray(HEADER_BYTES, idsAt),
    header,
    chunkSizesOf(averageBytes),
  )
  if (offsets === null) return null

  const ids = readIds(bytes.subarray(idsAt), count)
  return { fileHash: fileHashOf(header), chunks: { fileSize, averageBytes, offsets, ids } }
}

/** What the first bytes promise, unless it cannot be true of so many bytes. */
function readHeader(bytes: Uint8Array): Header | null {
  if (bytes.length < HEADER_BYTES + CHECKSUM_BYTES) return null
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const fileSize = view.getUint16(4) * 2 ** 32 + view.getUint32(6)
  const count = view.getUint32(COUNT_AT)
  const room = bytes.length - HEADER_BYTES - CHECKSUM_BYTES
  if (fileSize > FILE_BYTES_MAX || bytes.length > manifestBytesMax(fileSize)) return null
  if (count * ID_BYTES > room || (count === 0) !== (fileSize === 0)) return null
  return { fileSize, digest: bytes.subarray(DIGEST_AT, COUNT_AT), count }
}

async function isWhole(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const end = bytes.length - CHECKSUM_BYTES
  const checksum = await checksumOf(bytes.subarray(0, end))
  return checksum.every((byte, at) => byte === bytes[end + at])
}

/** Where the chunks begin and the last one ends; null unless they can be those of a file of this size. */
function readOffsets(bytes: Uint8Array, header: Header, sizes: ChunkSizes): Float64Array | null {
  const { count, fileSize } = header
  const { minBytes, maxBytes } = sizes
  const offsets = new Float64Array(count + 1)
  const reader = { bytes, at: 0 }
  let offset = 0
  for (let index = 1; index < count; index++) {
    const length = readVarint(reader) + minBytes
    if (!(length <= maxBytes)) return null
    offset += length
    offsets[index] = offset
  }
  if (reader.at !== bytes.length) return null
  const last = fileSize - offset
  if (count > 0 && !(last > 0 && last <= maxBytes)) return null
  offsets[count] = fileSize
  return offsets
}

/** The next number; NaN where there is none, or it is too long, or it could have been written shorter. */
function readVarint(reader: { bytes: Uint8Array; at: number }): number {
  let value = 0
  for (let group = 0; group < VARINT_BYTES_MAX; group++) {
    const byte = reader.bytes[reader.at]
    if (byte === undefined) return Number.NaN
    reader.at += 1
    value |= (byte & 127) << (group * 7)
    if (byte < 128) return byte === 0 && group > 0 ? Number.NaN : value
  }
  return Number.NaN
}

function readIds(bytes: Uint8Array, count: number): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const ids = new Float64Array(count)
  for (let index = 0; index < count; index++) {
    const at = index * ID_BYTES
    ids[index] = view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2)
  }
  return ids
}

function fileHashOf({ fileSize, digest }: Header): string {
  const { partCount } = layoutOf(fileSize)
  return partCount === 1 ? `sha256:${toHex(digest)}` : `sha256:${toHex(digest)}-${partCount}`
}
