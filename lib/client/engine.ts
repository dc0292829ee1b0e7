import { backoffMs } from './backoff.ts'
import { type Failure, failureOf } from './failure.ts'
import { createJobQueue, type Job, type JobQueue, type QueuedJob } from './job-queue.ts'
import { blame, DIRECT, praise, type Route, roomOf, routesFrom } from './routes.ts'
import type { Edge } from './wire.ts'

/** A piece is given up when it failed this often and nothing at all arrived for `patienceMs`. */
const FAILURES_MAX = 6
const PATIENCE_MS = 120_000

/** One attempt at a job over one path. `moved` tells the bytes moved so far, in all. */
export type Flight = {
  job: Job
  route: Route
  signal: AbortSignal
  startedAt: number
  bytes: number
  moved: (bytes: number) => void
}

export type EngineOptions = {
  /** Called with each change in bytes moved over a path; negative when an attempt failed and counts for nothing. */
  onBytes: (routeId: string, bytes: number) => void
  /** Called when an attempt failed and the piece is tried again. */
  onTrouble?: (routeId: string, error: Failure) => void
  /** Called when nothing waits and nothing is under way. */
  onIdle?: () => void
  /** The most connections that the user allows. */
  connectionsMax?: number
  directOnly?: boolean
  patienceMs?: number
}

export type Engine = {
  add: (jobs: Job[]) => void
  /** The paths and the connections that an answer of the control plane allows; gives how many it will open. */
  use: (edges: Edge[], connections: number) => number
  /** Aborts what is under way for jobs that nobody wants any more. */
  prune: () => void
  pending: () => number
  inFlight: () => number
  /** Aborts everything under way and takes nothing more. */
  stop: (reason: unknown) => void
}

type State = {
  options: EngineOptions
  queue: JobQueue
  routes: Route[]
  flights: Map<Flight, AbortController>
  connections: number
  lastArrivalAt: number
  timer?: ReturnType<typeof setTimeout>
  stopped: boolean
}

/**
 * Moves jobs over paths. Paths pull: each takes the next job when one of its connections is free, so its share follows
 * its speed. A failed job goes back and to another path; a path that fails rests, and is left when it keeps failing.
 */
export function createEngine(options: EngineOptions): Engine {
  const state: State = {
    options,
    queue: createJobQueue(),
    routes: routesFrom([], []),
    flights: new Map(),
    connections: 1,
    lastArrivalAt: performance.now(),
    stopped: false,
  }
  return {
    add: (jobs) => {
      if (state.flights.size === 0) state.lastArrivalAt = performance.now()
      state.queue.add(jobs)
      pump(state)
    },
    use: (edges, connections) => {
      state.routes = routesFrom(options.directOnly ? [] : edges, state.routes)
      state.connections = Math.max(1, Math.min(connections, options.connectionsMax ?? connections))
      pump(state)
      return state.connections
    },
    prune: () => {
      for (const [flight, controller] of state.flights) {
        if (!flight.job.wanted()) controller.abort(new Error('no longer wanted'))
      }
    },
    pending: () => state.queue.pending(),
    inFlight: () => state.flights.size,
    stop: (reason) => {
      state.stopped = true
      clearTimeout(state.timer)
      for (const controller of state.flights.values()) controller.abort(reason)
    },
  }
}

/** Starts whatever can start, and comes back when the next wait is over. */
function pump(state: State): void {
  clearTimeout(state.timer)
  while (!state.stopped && state.flights.size < state.connections) {
    const next = takeNext(state)
    if (!next) break
    void fly(state, next.queued, next.route)
  }
  wakeLater(state)
}

function takeNext(state: State): { queued: QueuedJob; route: Route } | undefined {
  const now = performance.now()
  const rooms = roomOf(state.routes, state.connections, now)
  const usable = state.routes.filter((route) => rooms.has(route.id))
  const free = usable
    .filter((route) => route.active < (rooms.get(route.id) ?? 0))
    .filter((route) => isWorthwhile(state, { route, usable, rooms }))
    .sort((a, b) => a.active / (rooms.get(a.id) ?? 1) - b.active / (rooms.get(b.id) ?? 1))

  for (const route of free) {
    const others = usable.filter((other) => other !== route).map(({ id }) => id)
    const queued = state.queue.take(route.id, others, now)
    if (queued) return { queued, route }
  }
  return undefined
}

/** The far, direct path takes no part that relays are free to take: as one of the last parts it would hold up the rest. */
function isWorthwhile(
  state: State,
  { route, usable, rooms }: { route: Route; usable: Route[]; rooms: Map<string, number> },
): boolean {
  if (route.id !== DIRECT) return true
  const edges = usable.filter(({ id, failures }) => id !== DIRECT && failures === 0)
  const edgeRoom = edges.reduce((sum, { id }) => sum + (rooms.get(id) ?? 0), 0)
  return (
    edges.length === 0 ||
    state.queue.pending() > edgeRoom ||
    state.queue.nextAt() < Number.POSITIVE_INFINITY
  )
}

async function fly(state: State, queued: QueuedJob, route: Route): Promise<void> {
  const controller = new AbortController()
  const flight: Flight = {
    job: queued.job,
    route,
    signal: controller.signal,
    startedAt: performance.now(),
    bytes: 0,
    moved: (bytes) => {
      state.options.onBytes(route.id, bytes - flight.bytes)
      flight.bytes = bytes
    },
  }
  state.flights.set(flight, controller)
  route.active += 1
  try {
    await queued.job.run(flight)
    state.lastArrivalAt = performance.now()
    praise(route)
  } catch (thrown) {
    flight.moved(0)
    settleFailure(state, { queued, route, error: failureOf(thrown) })
  } finally {
    route.active -= 1
    state.flights.delete(flight)
    pump(state)
    if (state.flights.size === 0 && state.queue.pending() === 0) state.options.onIdle?.()
  }
}

function settleFailure(
  state: State,
  { queued, route, error }: { queued: QueuedJob; route: Route; error: Failure },
): void {
  if (state.stopped || !queued.job.wanted()) return
  const now = performance.now()
  const failures = queued.failures + 1
  const others = state.routes.some((other) => other !== route && other.failures === 0)
  if (error.retry === 'elsewhere') blame(route, now, { waitMs: error.waitMs, others })

  const silentMs = now - state.lastArrivalAt
  const hopeless = failures >= FAILURES_MAX && silentMs > (state.options.patienceMs ?? PATIENCE_MS)
  if (error.retry === 'never' || hopeless) {
    queued.job.giveUp(error)
    return
  }

  state.options.onTrouble?.(route.id, error)
  const avoid = error.retry === 'elsewhere' ? new Set([...queued.avoid, route.id]) : queued.avoid
  const pauseMs = Math.max(error.waitMs, failures === 1 ? 0 : backoffMs(failures - 1))
  state.queue.retry({ ...queued, failures, avoid, notBefore: now + pauseMs })
}

function wakeLater(state: State): void {
  if (state.stopped || state.queue.pending() === 0) return
  const now = performance.now()
  const rests = state.routes.map(({ restUntil }) => restUntil)
  const at = Math.min(...[state.queue.nextAt(), ...rests].filter((time) => time > now))
  if (at < Number.POSITIVE_INFINITY) state.timer = setTimeout(() => pump(state), at - now + 1)
}
