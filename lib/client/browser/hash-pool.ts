const WORKERS_MIN = 2
/** More did not help: reading the Blob is what costs. */
const WORKERS_MAX = 4

export type HashJob = { id: number; blob: Blob }
export type HashAnswer =
  | { id: number; sha256: Uint8Array<ArrayBuffer>; error?: undefined }
  | Refused
type Refused = { id: number; sha256?: undefined; error: string }

export type HashPool = {
  /** How many slices are digested at once. */
  lanes: number
  /** SHA-256 of a whole slice, which is in memory meanwhile: WebCrypto takes no less. */
  digest: (slice: Blob) => Promise<Uint8Array<ArrayBuffer>>
  close: () => void
}

type Waiting = HashJob & {
  resolve: (sha256: Uint8Array<ArrayBuffer>) => void
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
    for (const job of waiting.values()) digestHere(job.blob).then(job.resolve, job.reject)
    waiting.clear()
  }

  function close(): void {
    if (Array.isArray(workers)) for (const worker of workers) worker.terminate()
    workers = undefined
  }

  return {
    lanes,
    close,
    digest: (blob) => {
      workers ??= startWorkers(workerUrl, lanes, { waiting, broken: giveUpWorkers })
      if (workers === 'none') return digestHere(blob)
      lastId += 1
      const id = lastId
      const worker = workers[id % workers.length]
      return new Promise((resolve, reject) => {
        waiting.set(id, { id, blob, resolve, reject })
        worker?.postMessage({ id, blob } satisfies HashJob)
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

function settle(waiting: Map<number, Waiting>, { id, sha256, error }: HashAnswer): void {
  const job = waiting.get(id)
  waiting.delete(id)
  if (sha256) job?.resolve(sha256)
  else job?.reject(new Error(error))
}

async function digestHere(slice: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await slice.arrayBuffer()))
}
