import type { Api } from './api.ts'
import { wait } from './backoff.ts'
import { batchesOf, oneAhead } from './batches.ts'
import { createRun } from './create-run.ts'
import type { Network, Ping } from './engine-state.ts'
import type { FileOutcome, FileToUpload } from './entry.ts'
import type { Failure } from './failure.ts'
import { hashAll } from './hash-files.ts'
import type { Pauser } from './pauser.ts'
import type { Progress } from './progress.ts'
import type { Run } from './run.ts'
import { startEntries } from './start.ts'
import { warmUp } from './warm-up.ts'
import type { Edge, UploadVia } from './wire.ts'

/** The next start call waits while more parts than this wait for a connection. */
const PENDING_JOBS_MAX = 100
const LOOK_AGAIN_MS = 20
const LAST_CHANCE_MS = 5_000

export type UploadOptions = {
  api: Api
  signal?: AbortSignal
  /** At most so many connections; the service's answer may allow fewer. */
  connections?: number
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
  /** Told of what failed and nothing depends on. */
  onNote?: (text: string) => void
  /** False sends every file whole, and makes no chunk manifests. */
  delta?: boolean
  /** The stored file to take unchanged parts from, instead of the service's choice. */
  baseFileId?: string
  /** Bytes a second, at most. */
  bytesPerSecondMax?: number
  /** How many connections one host may have; browsers open 6. */
  connectionsPerHost?: number
  pauser?: Pauser
  network?: Network
  /** How connections are opened ahead, and round trips measured. */
  connector?: Connector
  /** Where the relays of the last upload are remembered, so that the next one can open connections while it hashes. */
  ways?: { known: () => Promise<Edge[]>; learn: (edges: Edge[]) => void }
}

/** What opens connections before they are needed (node/connector.ts, browser/warm.ts). Neither fails: what does not work is left out. */
export type Connector = {
  /** Opens so many connections to a relay's address. */
  warm: (url: string, connections: number) => Promise<void>
  ping?: Ping
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
    void warmUp(options)
    await Promise.race([failed, startAll(run, files)])
    await Promise.race([failed, run.latch.idle()])
    await lastChance(run)
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

/** What goes on beside the uploads gets a fair chance, but nobody waits long for it. */
async function lastChance({ background, signal }: Run): Promise<void> {
  const over = new AbortController()
  const limit = wait(LAST_CHANCE_MS, AbortSignal.any([signal, over.signal])).catch(() => {})
  await Promise.race([background.idle(), limit])
  over.abort()
}
