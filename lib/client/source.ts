import type { Stretch } from '../content/join-chunks.ts'

/** What the store answered to a part. Header names are lower case. */
export type PartAnswer = {
  status: number
  headers: Record<string, string | undefined>
  body: string
}

/**
 * One PUT of a slice of a file. `onSent` hears the bytes taken by the connection so far, in all; `onConnect`, where that can
 * be told, how long a new connection took to open, in ms: a round trip.
 */
export type PartRequest = {
  url: string
  headers: Record<string, string>
  offset: number
  length: number
  signal: AbortSignal
  /** Waits until so many more bytes may be handed over, where somebody limits that. */
  pace?: (bytes: number) => Promise<void>
  /** Whether somebody does at the moment: then bytes are handed over in small pieces. */
  isPaced?: () => boolean
  onSent: (bytes: number) => void
  onConnect?: (ms: number) => void
}

export type PartDigest = { sha256: Uint8Array<ArrayBuffer>; md5?: Uint8Array }

/** With `onStretch` the parts are cut into chunks on the way (lib/content/join-chunks.ts). */
export type DigestOptions = {
  md5: boolean
  signal: AbortSignal
  onBytes: (bytes: number) => void
  onStretch?: (partNumber: number, stretch: Stretch) => void
}

/**
 * A file as the engine sees it, wherever it lies: on a disk (node/file-source.ts) or behind a browser's Blob
 * (browser/blob-source.ts). Reads are by position; nothing is held in memory.
 */
export type Source = {
  size: number
  /** The digests of the parts, in order. */
  digest: (options: DigestOptions) => Promise<PartDigest[]>
  /** Some bytes; at least one, where so many are not there. */
  read: (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>
  /** Sends a slice and gives the store's answer, whatever its status. */
  send: (request: PartRequest) => Promise<PartAnswer>
  /** Whether the file is another than when the source was made. */
  changed: () => Promise<boolean>
}

/** What a person reads when a file is written to while it is read. */
export const CHANGED_MESSAGE =
  'the file changed while uploading; run the command again when it is at rest'
