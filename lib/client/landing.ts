import { backoffMs } from './backoff.ts'
import { type State, tellProgress } from './engine-state.ts'
import { type Failure, failure, failureOf } from './failure.ts'
import { type Course, endCourse } from './flight.ts'
import type { QueuedJob } from './job-queue.ts'
import { blame, praise } from './routes.ts'

/** A piece is given up when it failed this often and nothing at all arrived for `PATIENCE_MS`. */
const FAILURES_MAX = 6
const PATIENCE_MS = 120_000
/** Where nobody answers, the network is away, and it may come back tomorrow. */
const AWAY_PATIENCE_MS = 24 * 60 * 60_000

/** An attempt is over: its piece has arrived, or it goes back into the queue, or it is given up. */
export function land(state: State, course: Course, thrown: unknown): void {
  const { flight } = course
  const queued = state.courses.get(course)
  state.courses.delete(course)
  flight.route.active -= 1
  if (!queued) return
  queued.attempts -= 1
  if (thrown === null && !queued.done) arrive(state, course, queued)
  else {
    state.wasted += flight.bytes
    if (!queued.done) fail(state, course, { queued, thrown })
  }
  tellProgress(state, queued, flight.route.id)
}

function arrive(state: State, course: Course, queued: QueuedJob): void {
  const { flight, movedAt } = course
  const now = performance.now()
  queued.done = true
  state.lastArrivalAt = now
  const seconds = (now - flight.startedAt) / 1000
  praise(flight.route, { bytes: flight.job.bytes, seconds, answerMs: now - movedAt })
  for (const [other, owner] of state.courses) {
    if (owner !== queued) continue
    state.hedges[course.isHedge ? 'won' : 'lost'] += 1
    endCourse(other, 'lost')
  }
}

type Trouble = { queued: QueuedJob; error: Failure; now: number }
type Failed = { queued: QueuedJob; thrown: unknown }

function fail(state: State, course: Course, { queued, thrown }: Failed): void {
  const { job } = queued
  if (state.stopped || !job.wanted()) return
  const { route } = course.flight
  if (isNobodysFault(course, queued)) {
    goBack(state, queued)
    return
  }
  const error = course.end === 'stalled' ? stalled() : failureOf(thrown)
  const now = performance.now()
  if (error.throttled) state.concurrency.throttle(now)
  if (error.retry === 'elsewhere') blameRoute(state, course, { queued, error, now })

  queued.failures += 1
  if (error.retry === 'never' || isHopeless(state, { queued, error, now })) {
    job.giveUp(error)
    return
  }
  state.options.onTrouble?.(route.id, error)
  const pauseMs = queued.failures === 1 ? 0 : backoffMs(queued.failures - 1)
  queued.notBefore = now + Math.max(error.waitMs, pauseMs)
  goBack(state, queued)
}

/** The engine itself ended it, for no failure; a part that is moved leaves its path to others. */
function isNobodysFault({ end, flight }: Course, queued: QueuedJob): boolean {
  if (end === 'moved') queued.avoid.add(flight.route.id)
  return end === 'paused' || end === 'slept' || end === 'moved'
}

/** Another attempt may still be under way; then that one decides. */
function goBack(state: State, queued: QueuedJob): void {
  if (queued.attempts === 0) state.queue.retry(queued)
}

function stalled(): Failure {
  return failure('the path stalled', 'elsewhere', { away: true })
}

function blameRoute(state: State, { flight: { route } }: Course, { queued, error, now }: Trouble) {
  queued.avoid.add(route.id)
  const others = state.routes.some((other) => other !== route && other.failures === 0)
  blame(route, now, { waitMs: error.waitMs, others })
}

function isHopeless(state: State, { queued, error, now }: Trouble): boolean {
  const patienceMs = state.options.patienceMs ?? (error.away ? AWAY_PATIENCE_MS : PATIENCE_MS)
  return queued.failures >= FAILURES_MAX && now - state.lastArrivalAt > patienceMs
}
