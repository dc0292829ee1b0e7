import { expect, test } from 'vitest'
import { chooseRoute, speedsOf } from '../../../lib/client/choose-route.ts'
import type { Course } from '../../../lib/client/flight.ts'
import { type Route, routesFrom } from '../../../lib/client/routes.ts'
import { MIB } from './a-path.ts'

const NOW = 10_000

/** A near and a far relay; the parts that arrived over them had these speeds, and so many have been under way for so long. */
function twoRelays(
  near: { speed: number; ages: number[] },
  far: { speed: number; ages: number[] },
) {
  const edges = ['near', 'far'].map((id) => ({ id, url: `http://${id}.test` }))
  const routes = routesFrom(edges, []).filter(({ id }) => id !== 'direct')
  const courses: Course[] = []
  for (const [at, { speed, ages }] of [near, far].entries()) {
    const route = routes[at]
    if (!route) throw new Error('no route')
    Object.assign(route, { speed, active: ages.length })
    courses.push(...ages.map((ageMs) => aCourse(route, speed, ageMs)))
  }
  return { routes, courses, pending: 50, connections: 8, now: NOW }
}

function aCourse(route: Route, speed: number, ageMs: number): Course {
  const startedAt = NOW - ageMs
  const bytes = (speed * ageMs) / 1000
  const job = { bytes: 100 * MIB, run: async () => {}, wanted: () => true, giveUp: () => {} }
  const controller = new AbortController()
  return {
    controller,
    isHedge: false,
    failures: 0,
    movedAt: NOW,
    isHeld: false,
    samples: [{ at: startedAt, bytes: 0 }],
    flight: {
      job,
      route,
      url: null,
      signal: controller.signal,
      startedAt,
      bytes,
      moved: () => {},
      connected: () => {},
      pace: async () => {},
      isPaced: () => false,
    },
  }
}

const old = [1_000, 1_000, 1_000, 1_000]

test('a path of which one part was three times as fast gets one more part, not all that follow, until that has shown something', () => {
  const before = twoRelays({ speed: 2 * MIB, ages: old }, { speed: 6 * MIB, ages: [] })
  expect(chooseRoute(before)?.id).toBe('far')
  const after = twoRelays({ speed: 2 * MIB, ages: old }, { speed: 6 * MIB, ages: [20, 10] })
  expect(chooseRoute(after)?.id).toBe('near')
  const shown = twoRelays({ speed: 2 * MIB, ages: old }, { speed: 6 * MIB, ages: [800, 800] })
  expect(chooseRoute(shown)?.id).toBe('far')
})

test('a path that promises little more than a nearer one is not taken before it', () => {
  expect(
    chooseRoute(twoRelays({ speed: 2 * MIB, ages: old }, { speed: 3.5 * MIB, ages: [] }))?.id,
  ).toBe('near')
})

test('nothing is expected of a path of which nothing is known', () => {
  const { routes, ...rest } = twoRelays({ speed: 2 * MIB, ages: [] }, { speed: 0, ages: [] })
  const [near, far] = routes
  if (!near || !far) throw new Error('no routes')
  far.speed = undefined
  expect([...speedsOf({ routes, ...rest }).keys()]).toEqual([near])
})
