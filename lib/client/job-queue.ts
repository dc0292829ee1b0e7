import type { Failure } from './failure.ts'
import type { Flight } from './flight.ts'

/** One piece to move: a part up, or a range down. */
export type Job = {
  bytes: number
  /** Moves the piece once; resolves when it is safely there. */
  run: (flight: Flight) => Promise<void>
  /** Whether anybody still waits for the piece. */
  wanted: () => boolean
  /** Told once, when the engine tries no more. */
  giveUp: (error: Failure) => void
}

/**
 * A job with what is known of it. `notBefore` is ms of `performance.now()`; `attempts` are under way, more than one where it is
 * hedged; `told` are the bytes of it that progress has heard of.
 */
export type QueuedJob = {
  job: Job
  failures: number
  notBefore: number
  avoid: Set<string>
  attempts: number
  told: number
  done: boolean
}

/** A job that nobody has tried. */
export function queuedJob(job: Job): QueuedJob {
  return { job, failures: 0, notBefore: 0, avoid: new Set(), attempts: 0, told: 0, done: false }
}

export type JobQueue = {
  add: (jobs: Job[]) => void
  /** Takes a job back that failed; it goes before new ones as soon as its wait is over. */
  retry: (queued: QueuedJob) => void
  /** The next job for a path; jobs that failed there are left to `others` while there are any. */
  take: (routeId: string, others: string[], now: number) => QueuedJob | undefined
  /** The waits of failed jobs are over: the network is back. */
  hurry: () => void
  /** Jobs that nobody has taken. */
  pending: () => number
  /** When the next waiting job may be taken (ms); Infinity when none waits. */
  nextAt: () => number
}

/** A first-in-first-out queue from which paths pull; failed jobs come back in front. */
export function createJobQueue(): JobQueue {
  const fresh: (Job | undefined)[] = []
  const failed: QueuedJob[] = []
  let head = 0

  function takeFresh(): QueuedJob | undefined {
    while (head < fresh.length) {
      const job = fresh[head]
      // A job holds its file's digests: what is taken must not be kept alive here.
      fresh[head] = undefined
      head += 1
      if (head * 2 > fresh.length) head -= fresh.splice(0, head).length
      if (job?.wanted()) return queuedJob(job)
    }
    return undefined
  }

  function takeFailed(routeId: string, others: string[], now: number): QueuedJob | undefined {
    for (let index = failed.length - 1; index >= 0; index -= 1) {
      if (!failed[index]?.job.wanted()) failed.splice(index, 1)
    }
    const index = failed.findIndex(
      ({ notBefore, avoid }) =>
        notBefore <= now && (!avoid.has(routeId) || others.every((other) => avoid.has(other))),
    )
    return index < 0 ? undefined : failed.splice(index, 1)[0]
  }

  return {
    add: (jobs) => {
      for (const job of jobs) fresh.push(job)
    },
    retry: (queued) => {
      failed.push(queued)
    },
    take: (routeId, others, now) => takeFailed(routeId, others, now) ?? takeFresh(),
    hurry: () => {
      for (const queued of failed) queued.notBefore = 0
    },
    pending: () => fresh.length - head + failed.length,
    nextAt: () =>
      failed.reduce(
        (soonest, { notBefore }) => Math.min(soonest, notBefore),
        Number.POSITIVE_INFINITY,
      ),
  }
}
