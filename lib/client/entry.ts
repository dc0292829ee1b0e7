import { digestToBase64 } from '../content/content-id.ts'
import type { Layout } from '../content/layout.ts'
import { declared, type Outline } from './outline.ts'
import type { PartDigest, Source } from './source.ts'
import type { FileAsk } from './wire.ts'

/** A file to send: where it goes, and where its bytes are. `size` is as listed; the source may know better. */
export type FileToUpload = {
  path: string
  name: string
  source: Source
  contentType?: string
}

/**
 * What became of a file. `paths` counts every byte put on a path, repeated ones too, and `sentBytes` those of the manifest as
 * well; `copiedBytes` the store took from another file.
 */
export type FileResult = {
  fileName: string
  path: string
  fileSize: number
  fileHash: string
  fileId: string
  duplicate: boolean
  sentBytes: number
  copiedBytes: number
  seconds: number
  functionCalls: number
  paths: Record<string, number>
}

export type FileOutcome =
  | { file: FileToUpload; result: FileResult; error?: undefined }
  | { file: FileToUpload; result?: undefined; error: Error }

/**
 * A hashed file on its way. `restarts` counts starts after the first; `accountedBytes` are in the meter already. Without an
 * outline it is neither compared with others nor later files with it.
 */
export type Entry = {
  file: FileToUpload
  layout: Layout
  fileHash: string
  digests: PartDigest[]
  outline: Outline | null
  startedAt: number
  functionCalls: number
  restarts: number
  accountedBytes: number
  copiedBytes: number
  manifestBytesSent: number
  settled: boolean
  paths: Record<string, number>
}

/** The entry as the start call asks for it. */
export function askOf(
  entry: Entry,
  { ifNew, baseFileId }: { ifNew: boolean; baseFileId?: string },
): FileAsk {
  const { file, layout, fileHash, digests, outline } = entry
  return {
    path: file.path,
    fileSize: layout.fileSize,
    fileHash,
    partHashes: digests.map(({ sha256 }) => digestToBase64(sha256)),
    ...(file.contentType ? { contentType: file.contentType } : {}),
    ...(ifNew ? { ifNew } : {}),
    ...(outline ? { ...declared(outline), baseFileId } : {}),
  }
}

/** The entry as its sender reads it, once it is stored. */
export function resultOf(entry: Entry, fileId: string, duplicate: boolean): FileResult {
  return {
    fileName: entry.file.name,
    path: entry.file.path,
    fileSize: entry.layout.fileSize,
    fileHash: entry.fileHash,
    fileId,
    duplicate,
    sentBytes: Object.values(entry.paths).reduce(
      (sum, bytes) => sum + bytes,
      entry.manifestBytesSent,
    ),
    copiedBytes: entry.copiedBytes,
    seconds: Math.round(performance.now() - entry.startedAt) / 1000,
    functionCalls: entry.functionCalls,
    paths: entry.paths,
  }
}
