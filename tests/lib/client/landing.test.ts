import { expect, test } from 'vitest'
import { createConcurrency } from '../../../lib/client/concurrency.ts'
import type { State } from '../../../lib/client/engine-state.ts'
import type { Course } from '../../../lib/client/flight.ts'
import { createJobQueue, type Job, queuedJob } from '../../../lib/client/job-queue.ts'
import { land } from '../../../lib/client/landing.ts'
import { createPacer } from '../../../lib/client/pacer.ts'
import { routesFrom } from '../../../lib/client/routes.ts'
import { createWatch } from '../../../lib/client/watch.ts'

const nothing = () => {}
const job: Job = { bytes: 100, run: async () => {}, wanted: () => true, giveUp: nothing }

/** An engine with one piece under way twice. */
function hedged() {
  const state: State = {
    options: { onBytes: nothing },
    queue: createJobQueue(),
    routes: routesFrom([{ id: 'a', url: 'http://a.test' }], []),
    courses: new Map(),
    concurrency: createConcurrency(),
    pacer: createPacer(),
    watch: createWatch(),
    total: 100,
    wasted: 0,
    hedges: { won: 0, lost: 0 },
    lastArrivalAt: 0,
    stopped: false,
    pump: nothing,
    start: nothing,
  }
  const queued = { ...queuedJob(job), attempts: 2 }
  const [route] = state.routes
  if (!route) throw new Error('no route')
  const course = (isHedge: boolean): Course => {
    const controller = new AbortController()
    const { signal } = controller
    const flight = { job, route, url: null, signal, startedAt: 0, bytes: 40 }
    const calls = { moved: nothing, connected: nothing, pace: async () => {}, isPaced: () => false }
    const rest = { failures: 0, movedAt: 0, isHeld: false, samples: [] }
    return { ...rest, controller, isHedge, flight: { ...flight, ...calls } }
  }
  const courses = { first: course(false), hedge: course(true) }
  for (const one of Object.values(courses)) state.courses.set(one, queued)
  return { state, ...courses }
}

test('of two attempts the first to arrive ends the other, and whether the second one was it is remembered', () => {
  const won = hedged()
  land(won.state, won.hedge, null)
  expect(won.first.end).toBe('lost')
  expect(won.state.hedges).toEqual({ won: 1, lost: 0 })

  const lost = hedged()
  land(lost.state, lost.first, null)
  expect(lost.hedge.end).toBe('lost')
  expect(lost.state.hedges).toEqual({ won: 0, lost: 1 })
  // What the loser had sent was for nothing.
  land(lost.state, lost.hedge, new Error('lost'))
  expect(lost.state.wasted).toBe(40)
})

test('a part that was given up for another path proves nothing about second attempts', () => {
  const { state, first, hedge } = hedged()
  first.end = 'moved'
  land(state, first, new Error('moved'))
  expect(state.queue.pending()).toBe(0)
  land(state, hedge, null)
  expect(state.hedges).toEqual({ won: 0, lost: 0 })
})
