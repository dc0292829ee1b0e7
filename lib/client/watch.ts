import type { State } from './engine-state.ts'
import { type Course, endCourse, speedOf } from './flight.ts'
import { createLine, type Line } from './line.ts'
import { findRescues, findStalled } from './rescue.ts'

const LOOK_EVERY_MS = 50
/** A timer this late means that the machine was asleep, and that every connection is dead, in ms. */
const ASLEEP_MS = 15_000
/** What is left to send takes less than this, in seconds: time to open a connection for the call that follows. */
const NEAR_END_SECONDS = 1

export type Watch = {
  /** Looks after the attempts for as long as there are any. */
  begin: (state: State) => void
  stop: () => void
}

/** Every 50 ms: counts what the connections carry, sends laggards again, ends what stalled, notices that the machine slept. */
export function createWatch(): Watch {
  let timer: ReturnType<typeof setInterval> | undefined
  let line: Line | undefined
  let lookedAt = 0

  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }

  function look(state: State): void {
    const now = performance.now()
    const lateMs = now - lookedAt - LOOK_EVERY_MS
    lookedAt = now
    if (state.courses.size === 0) stop()
    else if (lateMs > ASLEEP_MS) wake(state)
    else lookAfter(state, now)
  }

  function lookAfter(state: State, now: number): void {
    const courses = [...state.courses.keys()]
    const rate = courses.reduce((sum, course) => sum + (speedOf(course, now) ?? 0), 0)
    const handedOver = courses.map(({ flight }) => flight.bytes)
    line?.observe(state, { rate, handedOver, now })
    const isFull = courses.length >= state.concurrency.allowed()
    const pending = state.queue.pending()
    state.concurrency.observe({ now, rate, isFull, pending })
    for (const course of findStalled(courses, now)) endCourse(course, 'stalled')
    rescue(state, courses, now)
    if (isNearEnd(state, courses, rate)) state.options.onNearEnd?.()
    state.pump()
  }

  return {
    begin: (state) => {
      if (timer) return
      lookedAt = performance.now()
      line ??= createLine(state.options)
      timer = setInterval(() => look(state), LOOK_EVERY_MS)
    },
    stop,
  }
}

function isNearEnd({ queue }: State, courses: Course[], rate: number): boolean {
  const left = courses.reduce((sum, { flight }) => sum + flight.job.bytes - flight.bytes, 0)
  return queue.pending() === 0 && left <= rate * NEAR_END_SECONDS
}

function rescue(state: State, courses: Course[], now: number): void {
  const { routes, queue, total, wasted, hedges, concurrency } = state
  const rescues = findRescues({
    courses,
    routes,
    pending: queue.pending(),
    connections: concurrency.allowed(),
    bytes: total,
    wasted,
    hedges,
    now,
  })
  for (const { course, how, route } of rescues) {
    const queued = state.courses.get(course)
    if (!queued) continue
    if (how === 'hedge') state.start(queued, route, true)
    else endCourse(course, 'moved')
  }
}

function wake(state: State): void {
  for (const course of state.courses.keys()) endCourse(course, 'slept')
}
