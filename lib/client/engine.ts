import { chooseRoute } from './choose-route.ts'
import { createConcurrency } from './concurrency.ts'
import type { EngineOptions, State } from './engine-state.ts'
import { endCourse, isWaiting } from './flight.ts'
import { createJobQueue, type Job, type QueuedJob } from './job-queue.ts'
import { createPacer } from './pacer.ts'
import { type Route, routesFrom } from './routes.ts'
import { fly } from './take-off.ts'
import { createWatch } from './watch.ts'
import type { Direct, Edge } from './wire.ts'

export type Engine = {
  add: (jobs: Job[]) => void
  /** The paths and the connections that an answer of the control plane allows; gives how many it will open at most. */
  use: (ways: { edges: Edge[]; connections: number; direct?: Direct }) => number
  /** Aborts what is under way for jobs that nobody wants any more. */
  prune: () => void
  pending: () => number
  inFlight: () => number
  /** Bytes that were put on a path for nothing, because another attempt was first or the piece went elsewhere. */
  wasted: () => number
  /** Aborts everything under way and takes nothing more. */
  stop: (reason: unknown) => void
}

/**
 * Moves jobs over paths. Paths pull: a part takes a connection when one is free, on the path that promises most for it, so shares
 * follow what is measured (choose-route.ts). The number of connections follows what they carry (concurrency.ts). A part
 * that lags behind is sent a second time (rescue.ts), a failed one goes back and to another path, and a path that keeps
 * failing is left (routes.ts).
 */
export function createEngine(options: EngineOptions): Engine {
  const state = createState(options)
  const unlisten = [
    options.pauser?.onChange(() => obeyPauser(state)),
    options.network?.onOnline(() => comeBack(state)),
  ]
  return {
    add: (jobs) => {
      if (state.courses.size === 0) state.lastArrivalAt = performance.now()
      state.total += jobs.reduce((sum, { bytes }) => sum + bytes, 0)
      state.queue.add(jobs)
      pump(state)
    },
    use: ({ edges, connections, direct }) => {
      state.routes = routesFrom(options.directOnly ? [] : edges, state.routes, direct)
      const most = Math.max(1, Math.min(connections, options.connectionsMax ?? connections))
      state.concurrency.setCeiling(most)
      if (state.routes.length === 1) state.concurrency.expectFar()
      pump(state)
      return most
    },
    prune: () => {
      for (const { flight, controller } of state.courses.keys()) {
        if (!flight.job.wanted()) controller.abort(new Error('no longer wanted'))
      }
    },
    pending: () => state.queue.pending(),
    inFlight: () => state.courses.size,
    wasted: () => state.wasted,
    stop: (reason) => {
      for (const end of unlisten) end?.()
      stop(state, reason)
    },
  }
}

function createState(options: EngineOptions): State {
  const state: State = {
    options,
    queue: createJobQueue(),
    routes: routesFrom([], []),
    courses: new Map(),
    concurrency: createConcurrency(),
    pacer: createPacer(options.bytesPerSecondMax),
    watch: createWatch(),
    total: 0,
    wasted: 0,
    hedges: { won: 0, lost: 0 },
    lastArrivalAt: performance.now(),
    stopped: false,
    pump: () => pump(state),
    start: (queued, route, isHedge) => void fly(state, { queued, route, isHedge }),
  }
  return state
}

/** Starts whatever can start, and comes back when the next wait is over. */
function pump(state: State): void {
  clearTimeout(state.timer)
  const lookedAt = performance.now()
  while (mayStart(state)) {
    const next = takeNext(state)
    if (!next) break
    void fly(state, { ...next, isHedge: false })
  }
  wakeLater(state, lookedAt)
}

function mayStart({ stopped, options, courses, concurrency }: State): boolean {
  const isHeld = options.pauser?.isPaused() || options.network?.isOnline() === false
  return !stopped && !isHeld && courses.size < concurrency.allowed()
}

function takeNext(state: State): { queued: QueuedJob; route: Route } | undefined {
  const now = performance.now()
  const { routes, courses, queue, options } = state
  // A job that failed on the best path is for the next one.
  for (let candidates = routes; candidates.length > 0; ) {
    const route = chooseRoute({
      routes: candidates,
      courses: courses.keys(),
      pending: queue.pending(),
      connections: state.concurrency.allowed(),
      perHost: options.connectionsPerHost,
      now,
    })
    if (!route) return undefined
    const others = routes.filter((other) => other !== route && other.restUntil <= now)
    const queued = queue.take(
      route.id,
      others.map(({ id }) => id),
      now,
    )
    if (queued) return { queued, route }
    candidates = candidates.filter((other) => other !== route)
  }
  return undefined
}

function stop(state: State, reason: unknown): void {
  state.stopped = true
  clearTimeout(state.timer)
  state.watch.stop()
  for (const { controller } of state.courses.keys()) controller.abort(reason)
}

function obeyPauser(state: State): void {
  if (state.options.pauser?.isPaused()) {
    // A part that is all handed over may be stored already: its answer is waited for.
    for (const course of state.courses.keys()) {
      if (!isWaiting(course)) endCourse(course, 'paused')
    }
  } else comeBack(state)
}

/** What waited because nothing could be reached goes at once. */
function comeBack(state: State): void {
  const now = performance.now()
  state.lastArrivalAt = now
  state.queue.hurry()
  for (const route of state.routes) if (Number.isFinite(route.restUntil)) route.restUntil = 0
  pump(state)
}

/** A wait that ended after `lookedAt` has not been seen, even where it is over by now: nothing else would wake the engine. */
function wakeLater(state: State, lookedAt: number): void {
  if (state.stopped || state.queue.pending() === 0) return
  const rests = state.routes.map(({ restUntil }) => restUntil)
  const at = Math.min(...[state.queue.nextAt(), ...rests].filter((time) => time > lookedAt))
  if (at === Number.POSITIVE_INFINITY) return
  const waitMs = Math.max(0, at - performance.now())
  state.timer = setTimeout(() => pump(state), waitMs + 1)
}
