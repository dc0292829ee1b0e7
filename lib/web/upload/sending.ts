import type { Api } from '../../client/api.ts'
import { blobSource } from '../../client/browser/blob-source.ts'
import type { HashPool } from '../../client/browser/hash-pool.ts'
import { browserNetwork } from '../../client/browser/network.ts'
import type { FileOutcome, FileResult, FileToUpload } from '../../client/entry.ts'
import { messageOf } from '../../client/failure.ts'
import type { Progress } from '../../client/progress.ts'
import { uploadFiles } from '../../client/upload.ts'
import { joinWirePath } from '../../client/wire-path.ts'

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
  progress?: Progress
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

/**
 * Sends files of this page, one run of the engine after the other: files that are added to a run go with the next. A pause
 * ends the run, and going on is the same call again, which sends what is missing.
 */
export function createSender({ open, pool, onChange }: Means): Sender {
  const sending: Sending = { state: 'idle', waiting: [], stored: [] }
  let running: AbortController | undefined

  function change(state: Sending['state'], trouble?: string): void {
    Object.assign(sending, { state, trouble })
    onChange()
  }

  function go(): void {
    if (running) return
    const run = new AbortController()
    running = run
    change('sending')
    void runOnce(sending, { open, signal: run.signal, onChange })
      .catch((error) => (run.signal.aborted ? undefined : messageOf(error)))
      .then((trouble) => {
        running = undefined
        if (trouble) change('broken', trouble)
        else if (sending.state !== 'paused' && wantedOf(sending).length > 0) go()
        else if (sending.state === 'sending') change('idle')
      })
  }

  return {
    sending,
    add: (files, folder) => {
      // Those that failed were to be read until now.
      if (sending.state === 'idle') sending.waiting = []
      sending.waiting.push(...files.map((file) => ({ file: fileOf(file, folder, pool) })))
      if (sending.state === 'paused') onChange()
      else go()
    },
    pause: () => {
      if (sending.state !== 'sending') return
      change('paused')
      running?.abort()
    },
    resume: () => {
      change('sending')
      go()
    },
    cancel: () => {
      sending.waiting = []
      change('stopped')
      running?.abort()
    },
  }
}

async function runOnce(
  sending: Sending,
  { open, signal, onChange }: Pick<Means, 'open' | 'onChange'> & { signal: AbortSignal },
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
      expected: { files: wanted.length, bytes },
      onProgress: (progress) => {
        sending.progress = progress
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
