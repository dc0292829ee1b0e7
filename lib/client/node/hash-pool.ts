import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { averageBytesOf, type ChunkSizes, chunkSizesOf } from '../../content/chunk-sizes.ts'
import type { Stretch } from '../../content/join-chunks.ts'
import { type Layout, partRange } from '../../content/layout.ts'
import type { DigestOptions, PartDigest } from '../source.ts'

const SLICE_BYTES = 1024 * 1024
/** Each worker has one part in hand and the next in its letter box. */
const JOBS_PER_WORKER = 2

export type HashPool = {
  /**
   * The digests of a file's parts, in order; `fd` stays open until then. Files of one part are hashed right here, unless they
   * are to be cut into chunks, too.
   */
  digest: (fd: number, layout: Layout, options: DigestOptions) => Promise<PartDigest[]>
  close: () => Promise<void>
}

type Hashed = PartDigest & { stretch?: Stretch }
type Answer = Hashed & { id: number; error?: string }
type Waiting = { resolve: (hashed: Hashed) => void; reject: (error: Error) => void }
type Job = { fd: number; offset: number; length: number; md5: boolean; sizes?: ChunkSizes }

/** Worker threads on all cores, started when the first file of several parts comes. */
export function createHashPool(size = availableParallelism()): HashPool {
  const waiting = new Map<number, Waiting>()
  let workers: Worker[] = []
  let lastId = 0

  function start(): void {
    if (workers.length > 0) return
    workers = Array.from({ length: size }, () => {
      const worker = new Worker(new URL('./hash-worker.mjs', import.meta.url))
      worker.on('message', (answer: Answer) => settle(waiting, answer))
      worker.on('error', (error) => rejectAll(waiting, error))
      worker.unref()
      return worker
    })
  }

  function hashPart(job: Job) {
    start()
    lastId += 1
    const id = lastId
    return new Promise<Hashed>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      workers[id % workers.length]?.postMessage({ id, ...job })
    })
  }

  return {
    digest: async (fd, layout, options) => {
      const { md5, onStretch } = options
      if (layout.partCount === 1 && !onStretch) return [digestHere(fd, layout.fileSize, options)]
      const sizes = onStretch && chunkSizesOf(averageBytesOf(layout.fileSize))
      return digestParts(layout, { ...options, lanes: size * JOBS_PER_WORKER }, (number) =>
        hashPart({ fd, ...partRange(layout, number), md5, sizes }),
      )
    },
    close: async () => {
      const running = workers
      workers = []
      await Promise.all(running.map((worker) => worker.terminate()))
    },
  }
}

async function digestParts(
  layout: Layout,
  { signal, onBytes, onStretch, lanes }: DigestOptions & { lanes: number },
  hash: (partNumber: number) => Promise<Hashed>,
): Promise<PartDigest[]> {
  const digests: PartDigest[] = new Array(layout.partCount)
  // The loop's own timer keeps the process alive: the workers alone do not.
  const alive = setInterval(() => {}, 1000)
  let next = 1
  async function lane(): Promise<void> {
    while (next <= layout.partCount) {
      signal.throwIfAborted()
      const number = next
      next += 1
      const { stretch, ...digest } = await hash(number)
      digests[number - 1] = digest
      if (stretch) onStretch?.(number, stretch)
      onBytes(partRange(layout, number).length)
    }
  }
  try {
    const running = Array.from({ length: Math.min(lanes, layout.partCount) }, lane)
    const ended = await Promise.allSettled(running)
    for (const { reason } of ended.filter((end) => end.status === 'rejected')) throw reason
  } finally {
    clearInterval(alive)
  }
  return digests
}

const slice = Buffer.allocUnsafeSlow(SLICE_BYTES)

/** A small file is hashed sooner than a thread hears of it. */
function digestHere(fd: number, length: number, { md5, onBytes }: DigestOptions): PartDigest {
  const sha256 = createHash('sha256')
  const second = md5 ? createHash('md5') : undefined
  for (let at = 0; at < length; ) {
    const read = readSync(fd, slice, 0, Math.min(SLICE_BYTES, length - at), at)
    if (read === 0) throw new Error('the file became shorter while it was read')
    sha256.update(slice.subarray(0, read))
    second?.update(slice.subarray(0, read))
    at += read
  }
  onBytes(length)
  const digest = new Uint8Array(sha256.digest())
  return second ? { sha256: digest, md5: new Uint8Array(second.digest()) } : { sha256: digest }
}

function settle(waiting: Map<number, Waiting>, { id, error, ...hashed }: Answer): void {
  const job = waiting.get(id)
  waiting.delete(id)
  if (error !== undefined) job?.reject(new Error(error))
  else job?.resolve(hashed)
}

function rejectAll(waiting: Map<number, Waiting>, error: Error): void {
  for (const job of waiting.values()) job.reject(error)
  waiting.clear()
}
