import type { Api } from '../../client/api.ts'
import { blobSource } from '../../client/browser/blob-source.ts'
import type { HashPool } from '../../client/browser/hash-pool.ts'
import { browserNetwork } from '../../client/browser/network.ts'
import { browserConnector } from '../../client/browser/warm.ts'
import type { FileOutcome, FileResult, FileToUpload } from '../../client/entry.ts'
import { messageOf } from '../../client/failure.ts'
import { createPauser, type Pauser } from '../../client/pauser.ts'
import type { Progress } from '../../client/progress.ts'
import { uploadFiles } from '../../client/upload.ts'
import { joinWirePath } from '../../client/wire-path.ts'
import { ways } from './ways.ts'

/** What browsers open to one address over HTTP/1.1. */
const CONNECTIONS_PER_HOST = 6

/** `trouble` is why a file failed. */
export type Item = { file: FileToUpload; result?: FileResult; trouble?: string }

/** `stopped` is by a person, `broken` by what `trouble` says; either way what was sent stays and can be gone on with. */
export type Sending = {
  state: 'idle' | 'sending' | 'paused' | 'stopped' | 'broken'
  /** In the order of their choice: those that are not stored, then those that are. */
  waiting: Item[]
  stored: Item[]
  /** The uploads that files of this page belong to. */
  uploadIds: Set<string>
  progress?: Progress
  /** When the progress was told, in ms of `performance.now()`: nothing tells that nothing moves. */
  progressAt?: number
  trouble?: string
}

export type Sender = {
  sending: Sending
  add: (files: File[], folder: string) => void
  pause: () => void
  resume: () => void
  /** Gives up what is not stored, here; the uploads stay open for any device. */
  cancel: () => void
}

type Means = { open: (signal: AbortSignal) => Api; pool: HashPool; onChange: () => void }
type State = Means & { sending: Sending; pauser: Pauser; running?: AbortController }

/**
 * Sends files of this page, one run of the engine after the other: files that are added to a run go with the next. After
 * a failure that concerns all, going on is the same call again, which sends what is missing.
 */
export function createSender(means: Means): Sender {
  const sending: Sending = { state: 'idle', waiting: [], stored: [], uploadIds: new Set() }
  const state: State = { ...means, sending, pauser: createPauser() }
  return {
    sending,
    add: (files, folder) => {
      // Those that failed were to be read until now.
      if (sending.state === 'idle') sending.waiting = []
      sending.waiting.push(...files.map((file) => ({ file: fileOf(file, folder, means.pool) })))
      go(state)
    },
    pause: () => {
      if (sending.state !== 'sending') return
      state.pauser.pause()
      change(state, 'paused')
    },
    resume: () => {
      state.pauser.resume()
      go(state)
    },
    cancel: () => {
      if (sending.state === 'idle') return
      sending.waiting = []
      state.pauser.resume()
      change(state, 'stopped')
      state.running?.abort()
    },
  }
}

function change(state: State, to: Sending['state'], trouble?: string): void {
  Object.assign(state.sending, { state: to, trouble })
  state.onChange()
}

function go(state: State): void {
  const { sending, pauser } = state
  // A cancelled run that is not over yet has nothing to say; the next one follows it.
  if (sending.state !== 'stopped' || !state.running)
    change(state, pauser.isPaused() ? 'paused' : 'sending')
  if (state.running) return
  const run = new AbortController()
  state.running = run
  void runOnce(state, run.signal)
    .catch((error) => (run.signal.aborted ? undefined : messageOf(error)))
    .then((trouble) => {
      state.running = undefined
      if (trouble) change(state, 'broken', trouble)
      else if (wantedOf(sending).length > 0) go(state)
      else if (sending.state !== 'stopped') change(state, 'idle')
    })
}

async function runOnce(
  { sending, open, pauser, onChange }: State,
  signal: AbortSignal,
): Promise<undefined> {
  const wanted = wantedOf(sending)
  const bytes = wanted.reduce((sum, { file }) => sum + file.source.size, 0)
  const summary = await uploadFiles(
    wanted.map(({ file }) => file),
    {
      api: open(signal),
      signal,
      uploadVia: 'web',
      connectionsPerHost: CONNECTIONS_PER_HOST,
      network: browserNetwork,
      connector: browserConnector,
      ways,
      pauser,
      expected: { files: wanted.length, bytes },
      onOpen: (_, { uploadId }) => sending.uploadIds.add(uploadId),
      onProgress: (progress) => {
        Object.assign(sending, { progress, progressAt: performance.now() })
        onChange()
      },
      onFile: (outcome) => {
        settle(sending, outcome)
        onChange()
      },
    },
  )
  sending.progress = summary.progress
}

function wantedOf({ waiting }: Sending): Item[] {
  return waiting.filter(({ trouble }) => trouble === undefined)
}

function settle(sending: Sending, { file, result, error }: FileOutcome): void {
  const item = sending.waiting.find((one) => one.file === file)
  if (!item) return
  if (error) item.trouble = error.message
  else {
    sending.waiting.splice(sending.waiting.indexOf(item), 1)
    sending.stored.unshift({ file, result })
  }
}

function fileOf(file: File, folder: string, pool: HashPool): FileToUpload {
  const name = file.webkitRelativePath || file.name
  return {
    path: joinWirePath(folder, name),
    name,
    source: blobSource(file, pool),
    contentType: file.type || undefined,
  }
}
