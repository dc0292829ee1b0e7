import type { ChunkSizes } from '../../content/chunk-sizes.ts'
import { digestSlice, type SliceDigest } from './digest-slice.ts'

const WORKERS_MIN = 2
/** More did not help: reading the Blob is what costs. */
const WORKERS_MAX = 4

export type HashJob = { id: number; blob: Blob; sizes?: ChunkSizes }
export type HashAnswer = { id: number; digest: SliceDigest; error?: undefined } | Refused
type Refused = { id: number; digest?: undefined; error: string }

export type HashPool = {
  /** How many slices are digested at once. */
  lanes: number
  /** SHA-256 of a whole slice, which is in memory meanwhile: WebCrypto takes no less. With `sizes` its chunks, too. */
  digest: (slice: Blob, sizes?: ChunkSizes) => Promise<SliceDigest>
  close: () => void
}

type Waiting = HashJob & {
  resolve: (digest: SliceDigest) => void
  reject: (error: Error) => void
}

/**
 * Digests in 2 to 4 Web Workers made from the script at `workerUrl` (hash-worker.ts, bundled), started with the first
 * slice. Without an address, or where workers cannot be made or loaded, it digests in the page itself: slower, the same
 * digests.
 */
export function createHashPool(workerUrl?: URL): HashPool {
  const cores = globalThis.navigator?.hardwareConcurrency ?? 0
  const lanes = Math.min(WORKERS_MAX, Math.max(WORKERS_MIN, cores))
  const waiting = new Map<number, Waiting>()
  let workers: Worker[] | 'none' | undefined
  let lastId = 0

  function giveUpWorkers(): void {
    close()
    workers = 'none'
    for (const { blob, sizes, resolve, reject } of waiting.values()) {
      digestSlice(blob, sizes).then(resolve, reject)
    }
    waiting.clear()
  }

  function close(): void {
    if (Array.isArray(workers)) for (const worker of workers) worker.terminate()
    workers = undefined
  }

  return {
    lanes,
    close,
    digest: (blob, sizes) => {
      workers ??= startWorkers(workerUrl, lanes, { waiting, broken: giveUpWorkers })
      if (workers === 'none') return digestSlice(blob, sizes)
      lastId += 1
      const id = lastId
      const worker = workers[id % workers.length]
      return new Promise((resolve, reject) => {
        waiting.set(id, { id, blob, sizes, resolve, reject })
        worker?.postMessage({ id, blob, sizes } satisfies HashJob)
      })
    },
  }
}

function startWorkers(
  url: URL | undefined,
  count: number,
  { waiting, broken }: { waiting: Map<number, Waiting>; broken: () => void },
): Worker[] | 'none' {
  if (!url) return 'none'
  try {
    return Array.from({ length: count }, () => {
      const worker = new Worker(url, { type: 'module' })
      worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => settle(waiting, data)
      // The script does not load: what a slice runs into comes as an answer.
      worker.onerror = broken
      return worker
    })
  } catch {
    return 'none'
  }
}

function settle(waiting: Map<number, Waiting>, { id, digest, error }: HashAnswer): void {
  const job = waiting.get(id)
  waiting.delete(id)
  if (digest) job?.resolve(digest)
  else job?.reject(new Error(error))
}
