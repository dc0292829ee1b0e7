import { type Sketch, similarity as shareOfSketches } from '../content/sketch.ts'
import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'

/**
 * Fewer bins say nothing: two files of one chunk have equal sketches by chance once in 130,000 pairs, which an account of a
 * million small files has by the million; of three chunks once in 10^14. Such a file is the same as another or not, and
 * its content id tells.
 */
const BINS_MIN = 3

/** A stored content like another one, its live files by path. `similarity` is 0 to 1, with four digits. */
export type Similar = {
  blobId: string
  fileHash: string
  fileSize: number
  storageKey: string
  manifestBytes: number
  similarity: number
  files: LiveFile[]
}

export type LiveFile = { fileId: string; path: string }

/** One of them as its account sees it. */
export type SimilarFile = LiveFile & { fileSize: number; fileHash: string; similarity: number }

/**
 * Of the candidates that `similarStatement` found, those that share at least `threshold` of the larger one's distinct bytes
 * as far as sketches tell (standard error at most 0.025; 0.007 at 0.95), the most alike first.
 */
export function rankSimilar(rows: readonly Row[], sketch: Sketch, threshold: number): Similar[] {
  if (!tells(sketch)) return []
  return rows
    .flatMap((row) => {
      const share = shareOf(row, sketch)
      return share >= threshold ? [similarOf(row, share)] : []
    })
    .sort((a, b) => b.similarity - a.similarity || (a.fileHash < b.fileHash ? -1 : 1))
}

/** Whether a sketch says enough to be compared. */
export function tells({ bins }: Sketch): boolean {
  return bins.filter((value) => value !== 0).length >= BINS_MIN
}

/** The sketch in a row that has `average_bytes`, `distinct_bytes` and `bins`. */
export function sketchOfRow(row: Row): Sketch {
  return {
    averageBytes: column.number(row, 'average_bytes'),
    distinctBytes: column.number(row, 'distinct_bytes'),
    bins: column.bytes(row, 'bins'),
  }
}

/** The live files in a row that has `files`, by path. */
export function liveFilesOf(row: Row): LiveFile[] {
  if (row.files === null) return []
  return Object.entries(column.textRecord(row, 'files'))
    .map(([fileId, path]) => ({ fileId, path }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** A content once for each of its files. */
export function filesOf({
  fileHash,
  fileSize,
  similarity,
  files,
}: Pick<Similar, 'fileHash' | 'fileSize' | 'similarity' | 'files'>): SimilarFile[] {
  return files.map((file) => ({ ...file, fileSize, fileHash, similarity }))
}

function shareOf(row: Row, sketch: Sketch): number {
  const other = sketchOfRow(row)
  return tells(other) ? shareOfSketches(sketch, other) : 0
}

function similarOf(row: Row, share: number): Similar {
  return {
    blobId: column.text(row, 'id'),
    fileHash: column.text(row, 'file_hash'),
    fileSize: column.number(row, 'file_size'),
    storageKey: column.text(row, 'storage_key'),
    manifestBytes: column.number(row, 'manifest_bytes'),
    similarity: Math.round(share * 10_000) / 10_000,
    files: liveFilesOf(row),
  }
}
