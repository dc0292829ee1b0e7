import { sendDelta } from './delta.ts'
import { askOf, type Entry } from './entry.ts'
import { messageOf, problemOf, refusal } from './failure.ts'
import { storeManifest } from './manifest.ts'
import { type Run, settleFailed, settleStored, useWays } from './run.ts'
import { keepSignatures } from './sign.ts'
import { openTransfer, sendWaiting, type Transfer } from './transfer.ts'
import type { CompletingUpload, OpenUpload, StartAnswer, StartResult } from './wire.ts'

/** Problems that no file of this account will get past. */
const STATUS_FOR_ALL = new Set([401])
const RESTARTS_MAX = 1

/** Starts or resumes up to 100 files in one call and queues what they lack; what is refused fails alone. */
export async function startEntries(run: Run, entries: Entry[]): Promise<void> {
  const body = { files: entries.map((entry) => askOf(entry, run)), uploadVia: run.uploadVia }
  try {
    const answer = await run.api.call<StartAnswer>('POST', '/api/storage/upload', body)
    useWays(run, answer)
    for (const [index, entry] of entries.entries()) {
      entry.functionCalls += 1
      take(run, entry, { result: answer.results[index], answer })
    }
  } catch (error) {
    refuseAll(run, entries, error)
  }
  run.completer.nudge()
}

/** Starts entries again, once, whose upload was closed or swept meanwhile. */
export function restartEntries(run: Run, entries: Entry[]): void {
  for (const entry of entries) {
    run.meter.skipped(-entry.accountedBytes)
    run.meter.copied(-entry.copiedBytes)
    entry.accountedBytes = 0
    entry.copiedBytes = 0
    entry.restarts += 1
  }
  const hopeless = entries.filter(({ restarts }) => restarts > RESTARTS_MAX)
  for (const entry of hopeless) {
    settleFailed(run, entry, new Error('the upload was closed twice while it was being sent'))
  }
  const wanted = entries.filter((entry) => !hopeless.includes(entry))
  if (wanted.length > 0) void startEntries(run, wanted)
}

function take(
  run: Run,
  entry: Entry,
  { result, answer }: { result: StartResult | undefined; answer: StartAnswer },
): void {
  if (!result) settleFailed(run, entry, new Error('the service left the file out of its answer'))
  else if ('problem' in result) settleFailed(run, entry, refusal(result.problem))
  else if (result.status === 'stored') settleStored(run, entry, result)
  else send(run, entry, { result, answer })
}

function send(
  run: Run,
  entry: Entry,
  { result, answer }: { result: OpenUpload | CompletingUpload; answer: StartAnswer },
): void {
  const transfer = openTransfer(run, entry, result)
  run.opened(entry, result.uploadId)
  // Another file with this content is on its way already.
  if (transfer.first !== entry) return
  if (result.status === 'open') sendOpen(run, transfer, { result, answer })
  else sendWaiting(run, transfer)
}

function sendOpen(
  run: Run,
  transfer: Transfer,
  { result, answer }: { result: OpenUpload; answer: StartAnswer },
): void {
  const { signed, manifest, base, challenge, checksum } = result
  const { first, waiting } = transfer
  const { outline } = first
  run.md5 ||= checksum === 'md5'
  keepSignatures(transfer, signed, answer)
  if (outline && manifest) storeManifest(run, first, { outline, put: manifest, ways: answer })
  const isDelta = outline && base && waiting.size > 0 && first.layout.partCount > 1
  if (isDelta) void sendDelta(run, transfer, { base, chunks: outline.chunks, ways: answer })
  else {
    sendWaiting(run, transfer)
    if (challenge && waiting.size > 0) run.prover.prove(transfer, challenge)
  }
}

function refuseAll(run: Run, entries: Entry[], thrown: unknown): void {
  if (run.signal.aborted) return
  const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown))
  const problem = problemOf(thrown)
  // Without an answer, or without a key, the next batch would fare no better.
  if (!problem || STATUS_FOR_ALL.has(problem.status)) run.fail(error)
  else for (const entry of entries) settleFailed(run, entry, error)
}
