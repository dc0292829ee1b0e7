import type { DeltaBase, OutlineAsk, SignedRequest } from './wire-delta.ts'
import type { Challenge } from './wire-proof.ts'

/** What the control plane says and is told (docs/api.md). Sizes are bytes, times RFC 3339, ranges inclusive. */
export type Range = [first: number, last: number]

export type ProblemDocument = {
  type: string
  title?: string
  status: number
  detail?: string
  retryAfterSeconds?: number
  missingParts?: Range[]
  mismatchedParts?: Range[]
}

export type FileAsk = {
  path: string
  fileSize: number
  fileHash: string
  partHashes: string[]
  contentType?: string
  ifNew?: boolean
} & OutlineAsk

export type UploadVia = 'desktop' | 'web' | 'api'

/** A template with `{partNumber}` and `{signature}`, and a signature per part number. */
export type Signed = {
  url: string
  headers: Record<string, string>
  signatures: Record<string, string>
  expiresAt: string
}

/** A relay; those of an answer stand best first. `weight` is the share of the throughput expected of it. */
export type Edge = {
  id: string
  url: string
  city?: string
  country?: string
  weight?: number
  score?: number
  /** Further addresses of the same relay. */
  alternateUrls?: string[]
}

/** How the direct path stands among them. */
export type Direct = { score?: number }

export type Grant = { token: string; expiresAt: string; bytes: number }

export type StoredFile = {
  path: string
  status: 'stored'
  duplicate: boolean
  fileId: string
  fileHash: string
  fileSize: number
  verified: boolean
}

export type OpenUpload = {
  path: string
  status: 'open'
  uploadId: string
  fileHash: string
  fileSize: number
  partSize: number
  partCount: number
  checksum: 'sha256' | 'md5'
  storedParts: Range[]
  signed: Signed | null
  manifest?: SignedRequest | null
  base?: DeltaBase | null
  challenge?: Challenge | null
}

export type CompletingUpload = { path: string; status: 'completing'; uploadId: string }

export type FileProblem = { path: string; status?: undefined; problem: ProblemDocument }

export type StartResult = StoredFile | OpenUpload | CompletingUpload | FileProblem

/** What every answer that signs says about the ways to the store. */
export type Ways = {
  edges: Edge[]
  direct?: Direct
  grant: Grant | null
  connections: number
  serverTime: string
}

export type StartAnswer = { results: StartResult[] } & Ways

export type SignAsk = { uploadId: string; partNumbers?: number[]; md5s?: Record<string, string> }

export type SignResult = {
  uploadId: string
  storedParts?: Range[]
  signed?: Signed | null
  problem?: ProblemDocument
}

export type SignAnswer = { results: SignResult[] } & Ways

export type CompletedTarget = { path: string; fileId?: string; problem?: ProblemDocument }

export type CompleteResult =
  | {
      uploadId: string
      status: 'stored'
      fileHash: string
      fileSize: number
      verified: boolean
      files: CompletedTarget[]
    }
  | { uploadId: string; status: 'completing'; retryAfterSeconds?: number }
  | { uploadId: string; status?: undefined; problem: ProblemDocument }

export type CompleteAnswer = { results: CompleteResult[] }

export type UploadState = {
  uploadId: string
  status: 'open' | 'completing' | 'done' | 'aborting' | 'aborted'
  fileHash: string
  fileSize: number
  partSize: number
  partCount: number
  checksum: 'sha256' | 'md5'
  storedParts?: Range[]
  targets: { path: string; fileId?: string }[]
  createdAt: string
  expiresAt: string
}

/** One attempt at a part over a path: a relay's id, or `direct`. `bytes` are those that moved, `latencyMs` a round trip. */
export type PartTiming = {
  edgeId: string
  chunkIndex: number
  bytes: number
  durationMs: number
  failed: boolean
  latencyMs?: number
}

/** What one client says of its part in an upload; `completed` are ranges of chunks, counted from 0. */
export type SessionReport = {
  action: 'progress' | 'complete' | 'fail'
  sessionId: string
  uploadId: string
  uploadVia: UploadVia
  threads: number
  edgesUsed: string[]
  chunksCompleted: number
  bytesUploaded: number
  completed: Range[]
  timings: PartTiming[]
  errorMessage?: string
}

export type SessionAnswer = { reportAfterSeconds?: number }

/** An open upload as all of its clients report on it. `speed` is bytes per second, 0 when nobody reported lately. */
export type LiveUpload = {
  uploadId: string
  path: string
  fileSize: number
  percent: number
  bytesUploaded: number
  speed: number
  secondsLeft: number | null
  sessions: {
    sessionId: string
    uploadVia: UploadVia
    status: string
    bytesUploaded: number
    speed: number
    startedAt: string
    updatedAt: string
  }[]
}

export type FileEntry = {
  fileId: string
  path: string
  fileName: string
  fileSize: number
  fileHash: string
  contentType: string
  verified: boolean
  createdAt: string
  updatedAt: string
  trashedAt: string | null
}
