import type { Concurrency } from './concurrency.ts'
import type { Failure } from './failure.ts'
import type { Course } from './flight.ts'
import type { JobQueue, QueuedJob } from './job-queue.ts'
import type { Pacer } from './pacer.ts'
import type { Pauser } from './pauser.ts'
import type { Route } from './routes.ts'

/** Whether the machine has a network at all, where that can be known. */
export type Network = {
  isOnline: () => boolean
  /** Calls the listener when the network is back; gives what ends that. */
  onOnline: (listener: () => void) => () => void
}

export type EngineOptions = {
  /** Called with each change in bytes moved over a path; negative when an attempt failed and counts for nothing. */
  onBytes: (routeId: string, bytes: number) => void
  /** Called when an attempt failed and the piece is tried again. */
  onTrouble?: (routeId: string, error: Failure) => void
  /** Called when nothing waits and nothing is under way. */
  onIdle?: () => void
  /** Called, again and again, while what is under way is the last and about to be over. */
  onNearEnd?: () => void
  /** The most connections that the user allows. */
  connectionsMax?: number
  /** How many one host may have; browsers open 6. */
  connectionsPerHost?: number
  directOnly?: boolean
  /** How long nothing at all may arrive before failing pieces are given up, in ms. */
  patienceMs?: number
  /** Bytes a second, at most. */
  bytesPerSecondMax?: number
  pauser?: Pauser
  network?: Network
  ping?: Ping
}

/** A round trip to a relay's address beside the transfer, and the least of all so far, in ms; null where it failed. */
export type Ping = (url: string) => Promise<{ ms: number; leastMs: number } | null>

/** What the files of the engine share: engine.ts starts attempts, landing.ts ends them, watch.ts looks after them. */
export type State = {
  options: EngineOptions
  queue: JobQueue
  routes: Route[]
  courses: Map<Course, QueuedJob>
  concurrency: Concurrency
  pacer: Pacer
  watch: { begin: (state: State) => void; stop: () => void }
  /** Bytes of all jobs so far, and those of attempts that came to nothing. */
  total: number
  wasted: number
  /** Second attempts at a piece that were first, and those that were not. */
  hedges: { won: number; lost: number }
  lastArrivalAt: number
  timer?: ReturnType<typeof setTimeout>
  stopped: boolean
  pump: () => void
  /** Begins another attempt at a piece. */
  start: (queued: QueuedJob, route: Route, isHedge: boolean) => void
}

/** A hedged piece counts once: as far as the best of its attempts has come. */
export function tellProgress(state: State, queued: QueuedJob, routeId: string): void {
  let best = queued.done ? queued.job.bytes : 0
  if (!queued.done) {
    for (const [{ flight }, owner] of state.courses) {
      if (owner === queued) best = Math.max(best, flight.bytes)
    }
  }
  if (best !== queued.told) state.options.onBytes(routeId, best - queued.told)
  queued.told = best
}
