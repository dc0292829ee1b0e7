import { wait } from './backoff.ts'
import { messageOf, refusal, slugOf } from './failure.ts'
import { numbersOf } from './ranges.ts'
import { type Run, settleFailed, settleStored } from './run.ts'
import { CHANGED_MESSAGE } from './source.ts'
import { closeTransfer, failTransfer, sendAgain, type Transfer } from './transfer.ts'
import type { CompleteAnswer, CompletedTarget, CompleteResult, ProblemDocument } from './wire.ts'

const UPLOADS_PER_CALL = 100
/** So much finished content is completed at once; less waits for company, to save calls. */
const BYTES_PER_CALL = 64 * 1024 * 1024
const LONGEST_WAIT_MS = 20_000
const NUDGE_MS = 5
const ROUNDS_MAX = 3
const POLL_SECONDS = 2
const SHORTEST_POLL_SECONDS = 0.25

export type Completer = {
  /** Every part of the transfer is stored, as far as we know. */
  ready: (transfer: Transfer) => void
  /** Something ended: look whether anything is left to wait for. */
  nudge: () => void
}

/** Completes uploads, up to 100 a call: when 100 or 64 MiB are gathered, or when nothing else is under way. */
export function createCompleter(run: Run): Completer {
  let gathered: Transfer[] = []
  let since = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  function flush(): void {
    const transfers = gathered
    gathered = []
    for (let at = 0; at < transfers.length; at += UPLOADS_PER_CALL) {
      void completeAll(run, transfers.slice(at, at + UPLOADS_PER_CALL))
    }
  }

  function look(): void {
    clearTimeout(timer)
    if (gathered.length === 0 || run.signal.aborted) return
    const quiet = !run.moreToCome && run.engine.pending() === 0 && run.engine.inFlight() === 0
    const late = performance.now() - since > LONGEST_WAIT_MS
    if (quiet || late || isFull(gathered)) flush()
    else timer = setTimeout(look, LONGEST_WAIT_MS)
  }

  return {
    ready: (transfer) => {
      if (gathered.length === 0) since = performance.now()
      gathered.push(transfer)
      if (isFull(gathered)) look()
    },
    nudge: () => {
      clearTimeout(timer)
      timer = setTimeout(look, NUDGE_MS)
    },
  }
}

function isFull(transfers: Transfer[]): boolean {
  if (transfers.length >= UPLOADS_PER_CALL) return true
  const bytes = transfers.reduce((sum, { first }) => sum + first.layout.fileSize, 0)
  return bytes >= BYTES_PER_CALL
}

/** Completes these and polls those that take longer; what fails fails alone. */
async function completeAll(run: Run, transfers: Transfer[]): Promise<void> {
  try {
    const wanted = await withoutChanged(run, transfers)
    if (wanted.length === 0) return
    const uploads = wanted.map(({ uploadId }) => ({ uploadId }))
    const answer = await run.api.call<CompleteAnswer>('PUT', '/api/storage/upload', { uploads })
    const later = wanted.filter((transfer) => !take(run, transfer, answer.results))
    if (later.length === 0) return
    await wait(pollSeconds(answer.results) * 1000, run.signal)
    await completeAll(run, later)
  } catch (error) {
    if (run.signal.aborted) return
    for (const transfer of transfers) failTransfer(run, transfer, toError(error))
  }
}

async function withoutChanged(run: Run, transfers: Transfer[]): Promise<Transfer[]> {
  const changed = await Promise.all(transfers.map(({ first }) => first.file.source.changed()))
  for (const [index, transfer] of transfers.entries()) {
    if (changed[index]) failTransfer(run, transfer, new Error(CHANGED_MESSAGE))
  }
  return transfers.filter((_, index) => !changed[index])
}

/** Whether the transfer's fate is decided; false when the service is still completing it. */
function take(run: Run, transfer: Transfer, results: CompleteResult[]): boolean {
  for (const entry of transfer.entries) entry.functionCalls += 1
  const result = results.find(({ uploadId }) => uploadId === transfer.uploadId)
  if (result?.status === 'completing') return false
  if (result?.status === 'stored') stored(run, transfer, result.files)
  else if (result) refused(run, transfer, result.problem)
  else failTransfer(run, transfer, new Error('the service left the upload out of its answer'))
  return true
}

function stored(run: Run, transfer: Transfer, files: CompletedTarget[]): void {
  closeTransfer(run, transfer)
  const late = transfer.entries.filter((entry) => {
    const target = files.find(({ path }) => path === entry.file.path)
    if (target?.fileId) settleStored(run, entry, { fileId: target.fileId, duplicate: false })
    else if (target?.problem) settleFailed(run, entry, refusal(target.problem))
    return target === undefined
  })
  // A file that joined while the upload was being completed is not among its targets.
  if (late.length > 0) run.restart(late)
}

function refused(run: Run, transfer: Transfer, problem: ProblemDocument): void {
  const slug = slugOf(problem)
  const again = numbersOf(problem.missingParts ?? problem.mismatchedParts ?? [])
  if (again.length > 0 && transfer.rounds < ROUNDS_MAX) sendAgain(run, transfer, again)
  else if (slug === 'upload-closed' || slug === 'not-found') {
    closeTransfer(run, transfer, refusal(problem))
    run.restart(transfer.entries)
  } else failTransfer(run, transfer, refusal(problem))
}

function pollSeconds(results: CompleteResult[]): number {
  const waits = results.flatMap((result) =>
    result.status === 'completing' ? [result.retryAfterSeconds ?? POLL_SECONDS] : [],
  )
  return Math.max(SHORTEST_POLL_SECONDS, ...waits)
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(messageOf(thrown))
}
