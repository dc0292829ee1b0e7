import { manifestBytesMax } from '../content/manifest-format.ts'
import { COPY_SOURCE_BYTES_MIN } from '../content/plan-delta.ts'
import { Problem } from '../problem.ts'
import type { Manifest, NewFile } from './fields.ts'
import type { ChecksumMode } from './upload.ts'

/**
 * Why a manifest or a sketch cannot be that of a file of this size, or null: `content-mismatch`. More than that nobody
 * asks: a manifest is a hint, and what it leads to is judged by its digest.
 */
export function faultOfDescription({
  fileSize,
  manifest,
  sketch,
}: Pick<NewFile, 'fileSize' | 'manifest' | 'sketch'>): Problem | null {
  const bytesMax = manifestBytesMax(fileSize)
  if (manifest && manifest.bytes > bytesMax) {
    return mismatch(
      '/manifest/bytes',
      `the manifest of a file of ${fileSize} bytes has at most ${bytesMax}`,
    )
  }
  if (sketch && sketch.distinctBytes > fileSize)
    return mismatch('/sketch/distinctBytes', `the file has ${fileSize} bytes`)
  return null
}

/** The manifest that is kept of a file: none of one that S3 copies no ranges of, and none where copies have no digest. */
export function manifestToKeep(
  { fileSize, manifest }: Pick<NewFile, 'fileSize' | 'manifest'>,
  checksum: ChecksumMode | null,
): Manifest | null {
  if (checksum !== 'sha256' || fileSize <= COPY_SOURCE_BYTES_MIN) return null
  return manifest ?? null
}

function mismatch(pointer: string, detail: string): Problem {
  return new Problem('content-mismatch', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] })
}
