import { partRange } from '../content/layout.ts'
import type { Entry } from './entry.ts'
import { type Failure, failure } from './failure.ts'
import type { Flight } from './flight.ts'
import type { Job } from './job-queue.ts'
import { missingOf, numbersOf, rangesOf } from './ranges.ts'
import { openSession, type Session, timed } from './report.ts'
import { type Run, settleFailed } from './run.ts'
import { type Admission, partTicket, type Ticket } from './sign.ts'
import { CHANGED_MESSAGE } from './source.ts'
import { judgeAnswer } from './store-answer.ts'
import { account, countCopies, sizeOf } from './tally.ts'
import type { OpenUpload, Range } from './wire.ts'

/** One open upload and the files that wait for it; more than one where several have the same content. */
export type Transfer = {
  uploadId: string
  entries: Entry[]
  first: Entry
  checksum: 'sha256' | 'md5'
  tickets: Map<number, Ticket>
  grant: Admission | null
  /** Parts that the store does not have yet. */
  waiting: Set<number>
  /** Parts that the store copied. */
  copied: Set<number>
  /** How often the store refused a part's content or signature. */
  refusals: Map<number, number>
  /** Why the service signs no more parts. */
  refused?: Failure
  /** How often completion asked for parts again. */
  rounds: number
  state: 'open' | 'closed'
  /** Null where it is not worth reports: one part is there or not. */
  session: Session | null
}

/** A transfer for an upload that is open; a file whose content is on its way already joins that one. */
export function openTransfer(
  run: Run,
  entry: Entry,
  upload: OpenUpload | { uploadId: string },
): Transfer {
  const known = run.transfers.get(upload.uploadId)
  if (known && known.state === 'open') {
    known.entries.push(entry)
    return known
  }
  const storedParts =
    'storedParts' in upload ? upload.storedParts : [[1, entry.layout.partCount] satisfies Range]
  const transfer: Transfer = {
    uploadId: upload.uploadId,
    entries: [entry],
    first: entry,
    checksum: 'checksum' in upload ? upload.checksum : 'sha256',
    tickets: new Map(),
    grant: null,
    waiting: new Set(missingOf(storedParts, entry.layout.partCount)),
    copied: new Set(),
    refusals: new Map(),
    rounds: 0,
    state: 'open',
    session: null,
  }
  if (entry.layout.partCount > 1) transfer.session = sessionOf(run, transfer)
  run.transfers.set(upload.uploadId, transfer)
  account(run, transfer, sizeOf(transfer, numbersOf(storedParts)))
  return transfer
}

/** Queues the parts that the store lacks; a transfer without any goes on to be completed. */
export function sendWaiting(run: Run, transfer: Transfer): void {
  if (transfer.waiting.size === 0) run.completer.ready(transfer)
  else sendParts(run, transfer, [...transfer.waiting])
}

/** Queues some of the parts that the store lacks. */
export function sendParts(run: Run, transfer: Transfer, partNumbers: number[]): void {
  run.engine.add(partNumbers.map((number) => partJob(run, transfer, number)))
}

/** Sends parts again that the store lost or refused. */
export function sendAgain(run: Run, transfer: Transfer, partNumbers: number[]): void {
  transfer.rounds += 1
  const copied = partNumbers.filter((number) => transfer.copied.delete(number))
  countCopies(run, transfer, -sizeOf(transfer, copied))
  for (const number of partNumbers) transfer.waiting.add(number)
  const bytes = sizeOf(transfer, partNumbers)
  account(run, transfer, -bytes)
  sendWaiting(run, transfer)
}

/** Ends a transfer with the same error for every file that waits for it. */
export function failTransfer(run: Run, transfer: Transfer, error: Error): void {
  closeTransfer(run, transfer, error)
  for (const entry of transfer.entries) settleFailed(run, entry, error)
}

/** Nobody waits for the transfer any more: it is done, or there is an error. */
export function closeTransfer(run: Run, transfer: Transfer, error?: Error): void {
  transfer.state = 'closed'
  transfer.session?.end(error)
  run.transfers.delete(transfer.uploadId)
  run.engine.prune()
}

function partJob(run: Run, transfer: Transfer, partNumber: number): Job {
  const { length } = partRange(transfer.first.layout, partNumber)
  return {
    bytes: length,
    wanted: () => transfer.state === 'open' && transfer.waiting.has(partNumber),
    run: (flight) => sendPart(run, transfer, { partNumber, flight }),
    giveUp: (error) => giveUp(run, transfer, error),
  }
}

async function sendPart(
  run: Run,
  transfer: Transfer,
  { partNumber, flight }: { partNumber: number; flight: Flight },
): Promise<void> {
  const { file, layout, paths } = transfer.first
  const { used, ...ticket } = await partTicket(run, transfer, { partNumber, edgeUrl: flight.url })
  if (await file.source.changed()) throw failure(CHANGED_MESSAGE, 'never')

  const { offset, length } = partRange(layout, partNumber)
  const { signal, moved: onSent } = flight
  try {
    await timed(transfer.session, { partNumber, flight }, async (onConnect) => {
      const wire = {
        ...ticket,
        signal,
        onSent,
        onConnect,
        pace: flight.pace,
        isPaced: flight.isPaced,
      }
      const answer = await file.source.send({ ...wire, offset, length })
      const direct = flight.url === null
      const refused = judgeAnswer(transfer, { partNumber, answer, direct, used })
      if (refused && (await file.source.changed())) throw failure(CHANGED_MESSAGE, 'never')
      if (refused) throw refused
    })
  } finally {
    paths[flight.route.id] = (paths[flight.route.id] ?? 0) + flight.bytes
  }
  // Of two attempts at the same part, both may get there.
  if (!transfer.waiting.delete(partNumber)) return
  transfer.tickets.delete(partNumber)
  transfer.first.accountedBytes += length
  if (transfer.waiting.size === 0) run.completer.ready(transfer)
}

function sessionOf(run: Run, transfer: Transfer): Session {
  const { partCount } = transfer.first.layout
  return openSession({
    api: run.api,
    firstReportMs: run.firstReportMs,
    progress: () => {
      const stored = missingOf(rangesOf([...transfer.waiting].sort((a, b) => a - b)), partCount)
      return {
        uploadId: transfer.uploadId,
        uploadVia: run.uploadVia,
        threads: run.connections,
        chunksCompleted: stored.length,
        bytesUploaded: sizeOf(transfer, stored),
        completed: rangesOf(stored.map((number) => number - 1)),
      }
    },
  })
}

/** An upload that the store does not know any more may be finished by another device, or swept: ask once more. */
function giveUp(run: Run, transfer: Transfer, error: Failure): void {
  if (transfer.state === 'closed') return
  if ('uploadGone' in error) {
    closeTransfer(run, transfer, error)
    run.restart(transfer.entries)
  } else failTransfer(run, transfer, error)
}
