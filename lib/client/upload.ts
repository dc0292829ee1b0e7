import { contentIdOf } from '../content/content-id.ts'
import { layoutOf } from '../content/layout.ts'
import type { Api } from './api.ts'
import { wait } from './backoff.ts'
import { batchesOf, oneAhead } from './batches.ts'
import { createCompleter } from './complete.ts'
import { createEngine } from './engine.ts'
import type { Entry, FileOutcome, FileToUpload } from './entry.ts'
import { type Failure, messageOf } from './failure.ts'
import { createLatch } from './latch.ts'
import type { Pauser } from './pauser.ts'
import { createMeter, type Progress } from './progress.ts'
import type { Run } from './run.ts'
import { createSigner } from './sign.ts'
import { restartEntries, startEntries } from './start.ts'
import type { UploadVia } from './wire.ts'

/** The next start call waits while more parts than this wait for a connection. */
const PENDING_JOBS_MAX = 100
const LOOK_AGAIN_MS = 20

export type UploadOptions = {
  api: Api
  signal?: AbortSignal
  /** At most so many connections; the service's answer may allow fewer. */
  connections?: number
  /** At most so many to one address, where the platform opens no more; a browser opens about six. */
  connectionsPerHost?: number
  /** Whether there is a network at all, where the platform knows. */
  network?: { isOnline: () => boolean; onOnline: (listener: () => void) => () => void }
  /** Holds the upload, and lets it go on. */
  pauser?: Pauser
  /** Leaves the relays alone. */
  directOnly?: boolean
  /** Refuses files whose path is taken. */
  ifNew?: boolean
  uploadVia?: UploadVia
  /** What is to be sent in all, if known: progress is given against it. */
  expected?: { files: number; bytes: number }
  /** How long nothing at all may arrive before failing parts are given up, in ms. */
  patienceMs?: number
  /** How long a transfer goes before it reports on itself, in ms. */
  firstReportMs?: number
  onProgress?: (progress: Progress) => void
  onFile?: (outcome: FileOutcome) => void
  /** Told when the bytes of a file begin to go: to this upload, from here on resumable. */
  onOpen?: (file: FileToUpload, upload: { uploadId: string; fileHash: string }) => void
  onTrouble?: (routeId: string, error: Failure) => void
}

export type UploadSummary = {
  progress: Progress
  functionCalls: number
  /** Calls beside those that only told how it goes. */
  reports: number
  stored: number
  failed: number
}

/**
 * Uploads files, in order as far as it goes: hashes them, starts or resumes them up to 100 a call, sends what is missing
 * over all paths and completes. Each file's outcome goes to `onFile`; one bad file does not stop the others.
 *
 * @throws the signal's reason when stopped (what was sent stays; the same call resumes), or the error that concerns all:
 * the key is not accepted, the service does not answer
 */
export async function uploadFiles(
  files: AsyncIterable<FileToUpload> | Iterable<FileToUpload>,
  options: UploadOptions,
): Promise<UploadSummary> {
  const { run, counts, stop } = createRun(options)
  const failed = new Promise<never>((_, reject) => {
    run.signal.addEventListener('abort', () => reject(run.signal.reason), { once: true })
  })
  try {
    run.signal.throwIfAborted()
    await Promise.race([failed, startAll(run, files)])
    await Promise.race([failed, run.latch.idle()])
  } finally {
    stop()
  }
  const { api, meter } = run
  return {
    progress: meter.progress(),
    functionCalls: api.calls(),
    reports: api.reports(),
    ...counts,
  }
}

async function startAll(
  run: Run,
  files: AsyncIterable<FileToUpload> | Iterable<FileToUpload>,
): Promise<void> {
  for await (const batch of oneAhead(batchesOf(hashAll(run, files)))) {
    while (run.engine.pending() > PENDING_JOBS_MAX) await wait(LOOK_AGAIN_MS, run.signal)
    run.signal.throwIfAborted()
    await startEntries(run, batch)
  }
  run.moreToCome = false
  run.completer.nudge()
}

async function* hashAll(
  run: Run,
  files: AsyncIterable<FileToUpload> | Iterable<FileToUpload>,
): AsyncGenerator<Entry> {
  for await (const file of files) {
    run.signal.throwIfAborted()
    run.latch.begin()
    const startedAt = performance.now()
    try {
      const onBytes = (bytes: number) => run.meter.hashed(bytes)
      const digests = await file.source.digest({ md5: run.md5, signal: run.signal, onBytes })
      const fileHash = await contentIdOf(digests.map(({ sha256 }) => sha256))
      yield { ...blankEntry(file), startedAt, digests, fileHash }
    } catch (error) {
      run.signal.throwIfAborted()
      run.meter.skipped(file.source.size)
      run.meter.fileDone()
      run.settled({ file, error: error instanceof Error ? error : new Error(messageOf(error)) })
      run.latch.end()
    }
  }
}

function blankEntry(file: FileToUpload) {
  return {
    file,
    layout: layoutOf(file.source.size),
    functionCalls: 0,
    restarts: 0,
    accountedBytes: 0,
    settled: false,
    paths: {},
  }
}

function createRun(options: UploadOptions) {
  const controller = new AbortController()
  const stopped = () => controller.abort(options.signal?.reason)
  if (options.signal?.aborted) stopped()
  options.signal?.addEventListener('abort', stopped, { once: true })

  const meter = createMeter(options.onProgress)
  meter.expect(options.expected?.files ?? 0, options.expected?.bytes ?? 0)
  const counts = { stored: 0, failed: 0 }
  const run: Run = {
    api: options.api,
    signal: controller.signal,
    ifNew: options.ifNew ?? false,
    uploadVia: options.uploadVia ?? 'api',
    firstReportMs: options.firstReportMs,
    meter,
    engine: createEngine({
      onBytes: meter.moved,
      onIdle: () => run.completer.nudge(),
      ...options,
      connectionsMax: options.connections,
    }),
    connections: 1,
    latch: createLatch(),
    transfers: new Map(),
    signer: { ask: (transfer) => signer.ask(transfer) },
    completer: { ready: (transfer) => completer.ready(transfer), nudge: () => completer.nudge() },
    restart: (entries) => restartEntries(run, entries),
    fail: (error) => controller.abort(error),
    settled: (outcome) => {
      counts[outcome.result ? 'stored' : 'failed'] += 1
      options.onFile?.(outcome)
    },
    md5: false,
    moreToCome: true,
    opened: (entry, uploadId) =>
      options.onOpen?.(entry.file, { uploadId, fileHash: entry.fileHash }),
  }
  const signer = createSigner(run)
  const completer = createCompleter(run)
  const stop = () => {
    options.signal?.removeEventListener('abort', stopped)
    stopRun(run, controller)
  }
  return { run, counts, stop }
}

function stopRun(run: Run, controller: AbortController): void {
  const reason: unknown = controller.signal.reason ?? new Error('finished')
  run.engine.stop(reason)
  for (const { session } of run.transfers.values()) session?.end(new Error(messageOf(reason)))
  if (!controller.signal.aborted) controller.abort(reason)
}
