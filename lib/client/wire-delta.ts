import type { Range } from './wire.ts'

/** What a start call may say of a file, so that stored files can be compared with it (docs/api.md). Sizes are bytes. */
export type OutlineAsk = {
  /** The file's chunk manifest: its length and SHA-256 (base64). */
  manifest?: { bytes: number; sha256: string }
  sketch?: { distinctBytes: number; bins: string }
  /** The file to take unchanged parts from, instead of the service's choice. */
  baseFileId?: string
}

/** A request that may be made, also repeatedly, until it ends. */
export type SignedRequest = { url: string; headers: Record<string, string>; expiresAt: string }

/** A stored file to take parts from; `similarity` is known where it was chosen by it. */
export type DeltaBase = {
  fileId: string
  path: string
  fileSize: number
  similarity: number | null
  manifestUrl: string
  manifestBytes: number
  expiresAt: string
}

/** Part `first + i` begins at `baseOffset + i * partSize` of the base. */
export type CopyRun = [first: number, last: number, baseOffset: number]

/** Parts that were copied, that are to be sent, and that no time was left for. */
export type CopyAnswer = { uploadId: string; copied: Range[]; refused: Range[]; left: Range[] }
