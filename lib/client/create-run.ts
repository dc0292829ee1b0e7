import { createCompleter } from './complete.ts'
import { createEngine } from './engine.ts'
import { messageOf } from './failure.ts'
import { createLatch } from './latch.ts'
import { createMeter, type Meter } from './progress.ts'
import { createProver } from './prove.ts'
import type { Run } from './run.ts'
import { createSigner } from './sign.ts'
import { restartEntries } from './start.ts'
import type { UploadOptions } from './upload.ts'

type Started = {
  run: Run
  counts: { stored: number; failed: number }
  /** Ends what is under way, and lets go of the options' signal. */
  stop: () => void
}

/** Everything that one call of `uploadFiles` shares, put together. */
export function createRun(options: UploadOptions): Started {
  const controller = new AbortController()
  const stopped = () => controller.abort(options.signal?.reason)
  if (options.signal?.aborted) stopped()
  options.signal?.addEventListener('abort', stopped, { once: true })

  const meter = createMeter(options.onProgress)
  meter.expect(options.expected?.files ?? 0, options.expected?.bytes ?? 0)
  const counts = { stored: 0, failed: 0 }
  const run = makeRun(options, { controller, meter, counts })
  const stop = () => {
    options.signal?.removeEventListener('abort', stopped)
    stopRun(run, controller)
  }
  return { run, counts, stop }
}

type Parts = { controller: AbortController; meter: Meter; counts: Started['counts'] }

function makeRun(options: UploadOptions, { controller, meter, counts }: Parts): Run {
  const run: Run = {
    api: options.api,
    signal: controller.signal,
    ifNew: options.ifNew ?? false,
    directOnly: options.directOnly ?? false,
    isDelta: options.delta ?? true,
    baseFileId: options.baseFileId,
    uploadVia: options.uploadVia ?? 'api',
    firstReportMs: options.firstReportMs,
    meter,
    engine: createEngine({
      ...options,
      onBytes: meter.moved,
      onIdle: () => run.completer.nudge(),
      onNearEnd: () => void options.api.connect(),
      connectionsMax: options.connections,
      ping: options.connector?.ping,
    }),
    connections: 1,
    latch: createLatch(),
    background: createLatch(),
    transfers: new Map(),
    signer: { ask: (transfer) => signer.ask(transfer) },
    completer: { ready: (transfer) => completer.ready(transfer), nudge: () => completer.nudge() },
    prover: { prove: (transfer, challenge) => prover.prove(transfer, challenge) },
    restart: (entries) => restartEntries(run, entries),
    fail: (error) => controller.abort(error),
    settled: (outcome) => {
      counts[outcome.result ? 'stored' : 'failed'] += 1
      options.onFile?.(outcome)
    },
    noted: (text) => options.onNote?.(text),
    md5: false,
    moreToCome: true,
    learnedWays: (edges) => options.ways?.learn(edges),
    opened: (entry, uploadId) =>
      options.onOpen?.(entry.file, { uploadId, fileHash: entry.fileHash }),
  }
  const signer = createSigner(run)
  const completer = createCompleter(run)
  const prover = createProver(run)
  return run
}

function stopRun(run: Run, controller: AbortController): void {
  const reason: unknown = controller.signal.reason ?? new Error('finished')
  run.engine.stop(reason)
  for (const { session } of run.transfers.values()) session?.end(new Error(messageOf(reason)))
  if (!controller.signal.aborted) controller.abort(reason)
}
