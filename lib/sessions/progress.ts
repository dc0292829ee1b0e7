import type { LedgerCount } from '../chunks/ledger.ts'
import { layoutOf, partRange } from '../content/layout.ts'
import type { UploadState } from '../uploads/upload.ts'

/** What is known of an upload: by its sessions the most that any of them reported, and their speeds together. */
export type Known = {
  fileSize: number
  partCount: number
  state: UploadState
  chunksReported: number
  bytesReported: number
  /** Bytes per second of the sessions that reported lately. */
  speed: number
}

/** How far an upload is. `speed` in bytes per second; `secondsLeft` is null while nothing moves. */
export type Progress = {
  chunksCompleted: number
  bytesUploaded: number
  percent: number
  speed: number
  secondsLeft: number | null
}

/**
 * How far an upload is: what the ledger counts of all sessions together, or the best that one session reported, whichever
 * is more (the ledger may have been lost, a session may not report chunk by chunk). What is done is all there.
 */
export function progressOf(known: Known, ledger: LedgerCount | null): Progress {
  const { fileSize, partCount, state } = known
  const chunksCompleted =
    state === 'done' ? partCount : Math.max(ledger?.completed ?? 0, known.chunksReported)
  const isWhole = chunksCompleted >= partCount
  const counted = Math.max(ledger ? bytesOf(known, ledger) : 0, known.bytesReported)
  const bytesUploaded = isWhole ? fileSize : Math.min(counted, fileSize)
  const speed = Math.round(known.speed)
  return {
    chunksCompleted,
    bytesUploaded,
    percent: isWhole ? 100 : Math.floor((bytesUploaded / Math.max(1, fileSize)) * 1000) / 10,
    speed,
    secondsLeft: speed > 0 ? Math.ceil((fileSize - bytesUploaded) / speed) : null,
  }
}

/** The bytes of distinct chunks: all have the part size, but the last. */
function bytesOf({ fileSize, partCount }: Known, ledger: LedgerCount): number {
  const layout = layoutOf(fileSize)
  const shorter = layout.partSize - partRange(layout, partCount).length
  return ledger.completed * layout.partSize - (ledger.isLastCompleted ? shorter : 0)
}
