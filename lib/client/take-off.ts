import { type State, tellProgress } from './engine-state.ts'
import { type Course, note } from './flight.ts'
import type { QueuedJob } from './job-queue.ts'
import { land } from './landing.ts'
import type { Route } from './routes.ts'

type Start = { queued: QueuedJob; route: Route; isHedge: boolean }

/** One attempt at a piece, from its first byte to whatever became of it. */
export async function fly(state: State, { queued, route, isHedge }: Start): Promise<void> {
  const course = takeOff(state, { queued, route, isHedge })
  try {
    await queued.job.run(course.flight)
    land(state, course, null)
  } catch (thrown) {
    land(state, course, thrown)
  } finally {
    state.pump()
    if (state.courses.size === 0 && state.queue.pending() === 0) state.options.onIdle?.()
  }
}

function takeOff(state: State, { queued, route, isHedge }: Start): Course {
  const controller = new AbortController()
  const startedAt = performance.now()
  const course: Course = {
    controller,
    isHedge,
    failures: queued.failures,
    movedAt: startedAt,
    isHeld: false,
    samples: [{ at: startedAt, bytes: 0 }],
    flight: {
      job: queued.job,
      route,
      url: addressOf(state, route),
      signal: controller.signal,
      startedAt,
      bytes: 0,
      moved: (bytes) => {
        course.flight.bytes = bytes
        note(course, performance.now())
        tellProgress(state, queued, route.id)
      },
      connected: (ms) => {
        route.roundTripMs = ms
        state.concurrency.sawRoundTrip(ms)
      },
      pace: (bytes) => hold(state, course, bytes),
      isPaced: () => Number.isFinite(state.pacer.rate()),
    },
  }
  state.courses.set(course, queued)
  route.active += 1
  queued.attempts += 1
  state.watch.begin(state)
  return course
}

/** While the limit holds an attempt back, nobody takes it to have stalled. */
async function hold({ pacer }: State, course: Course, bytes: number): Promise<void> {
  course.isHeld = true
  await pacer.take(bytes)
  course.isHeld = false
  course.movedAt = performance.now()
}

/** The path's address with the fewest connections. */
function addressOf({ courses }: State, { urls }: Route): string | null {
  const [first = null] = urls
  if (urls.length < 2) return first
  const counts = new Map(urls.map((url) => [url, 0]))
  for (const { flight } of courses.keys()) {
    if (flight.url !== null) counts.set(flight.url, (counts.get(flight.url) ?? 0) + 1)
  }
  return urls.reduce((least, url) =>
    (counts.get(url) ?? 0) < (counts.get(least) ?? 0) ? url : least,
  )
}
