import type { Api } from './api.ts'
import type { Completer } from './complete.ts'
import type { Engine } from './engine.ts'
import type { Entry, FileOutcome } from './entry.ts'
import { resultOf } from './entry.ts'
import type { Latch } from './latch.ts'
import type { Meter } from './progress.ts'
import type { Prover } from './prove.ts'
import type { Signer } from './sign.ts'
import type { Transfer } from './transfer.ts'
import type { Edge, UploadVia, Ways } from './wire.ts'

/** Everything that one call of `uploadFiles` shares. */
export type Run = {
  api: Api
  signal: AbortSignal
  ifNew: boolean
  directOnly: boolean
  /** Whether files are compared with stored ones, and made ready to be compared with. */
  isDelta: boolean
  baseFileId?: string
  uploadVia: UploadVia
  firstReportMs?: number
  meter: Meter
  engine: Engine
  /** How many the engine opens at once. */
  connections: number
  latch: Latch
  /** What goes on beside, and need not succeed. */
  background: Latch
  transfers: Map<string, Transfer>
  signer: Signer
  completer: Completer
  prover: Prover
  /** Starts entries again whose upload is gone. */
  restart: (entries: Entry[]) => void
  /** Ends everything: the key is not accepted, the user stops. */
  fail: (error: unknown) => void
  /** Something failed that nothing depends on. */
  noted: (text: string) => void
  learnedWays: (edges: Edge[]) => void
  opened: (entry: Entry, uploadId: string) => void
  settled: (outcome: FileOutcome) => void
  /** The store takes MD5 instead of SHA-256: later files are hashed for both at once. */
  md5: boolean
  /** Whether more files may still be started. */
  moreToCome: boolean
}

/** Takes over the paths of an answer. */
export function useWays(run: Run, { edges, grant, connections, direct }: Ways): void {
  run.connections = run.engine.use({ edges: grant ? edges : [], connections, direct })
  if (grant) run.learnedWays(edges)
}

/** The file is stored. */
export function settleStored(
  run: Run,
  entry: Entry,
  stored: { fileId: string; duplicate: boolean },
): void {
  settle(run, entry, { file: entry.file, result: resultOf(entry, stored.fileId, stored.duplicate) })
}

/** The file will not be stored by this run. */
export function settleFailed(run: Run, entry: Entry, error: Error): void {
  settle(run, entry, { file: entry.file, error })
}

function settle(run: Run, entry: Entry, outcome: FileOutcome): void {
  if (entry.settled) return
  entry.settled = true
  run.meter.skipped(entry.layout.fileSize - entry.accountedBytes)
  run.meter.fileDone()
  run.settled(outcome)
  run.latch.end()
}
