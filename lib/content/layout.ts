const MIB = 1024 * 1024

/** Files up to this size are one part: one presigned PUT, no multipart upload. */
export const SINGLE_PART_BYTES_MAX = 16 * MIB
/** Above one part and up to this size, parts are S3's smallest (5 MiB), so that 100 MB still fill many connections. */
const SMALL_PARTS_BYTES_MAX = 512 * MIB
const SMALL_PART_BYTES = 5 * MIB
const COMFORTABLE_PARTS = 1_000
/** S3's limit ("Amazon S3 multipart upload limits"). */
export const PARTS_MAX = 10_000
/** The largest file of any tier. */
export const FILE_BYTES_MAX = 5 * 1024 ** 4

/** How a file is cut. Every part but the last has `partSize` bytes; an empty file is one part of 0 bytes. */
export type Layout = { fileSize: number; partSize: number; partCount: number }

/**
 * The part layout of a file: a pure function of its size in bytes, frozen by docs/layout-vectors.json. Two devices, or
 * two versions of this code, cut the same file the same way; that is what makes resume, identity and delta possible.
 */
export function layoutOf(fileSize: number): Layout {
  const partSize = partSizeOf(fileSize)
  return { fileSize, partSize, partCount: Math.max(1, Math.ceil(fileSize / partSize)) }
}

/** First byte and length of a part, counted from 1 as S3 does. */
export function partRange(layout: Layout, partNumber: number): { offset: number; length: number } {
  const offset = (partNumber - 1) * layout.partSize
  return { offset, length: Math.min(layout.partSize, layout.fileSize - offset) }
}

/** The seed counts chunks from 0, S3 counts parts from 1: the same slices. */
export function partNumberOf(chunkIndex: number): number {
  return chunkIndex + 1
}

function partSizeOf(fileSize: number): number {
  if (fileSize <= SINGLE_PART_BYTES_MAX) return SINGLE_PART_BYTES_MAX
  if (fileSize <= SMALL_PARTS_BYTES_MAX) return SMALL_PART_BYTES
  for (const mebibytes of [8, 16, 32, 64]) {
    if (fileSize <= mebibytes * MIB * COMFORTABLE_PARTS) return mebibytes * MIB
  }
  const step = 64 * MIB
  return Math.ceil(Math.max(1, fileSize / PARTS_MAX / step)) * step
}
