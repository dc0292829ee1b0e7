import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Course } from '../../../lib/client/flight.ts'
import { findRescues, findStalled, type Situation } from '../../../lib/client/rescue.ts'
import { type Route, routesFrom } from '../../../lib/client/routes.ts'

const MIB = 1024 * 1024
const PART = 5 * MIB
const NOW = 100_000
const EDGES = ['a', 'b', 'c'].map((id) => ({ id, url: `http://${id}.test` }))

type Given = { route: Route; ageMs: number; bytes: number; isHedge?: boolean }

/** An attempt that went evenly from its beginning until now. */
function aCourse({ route, ageMs, bytes, isHedge = false }: Given): Course {
  const startedAt = NOW - ageMs
  const steps = Math.max(1, Math.floor(ageMs / 100))
  const samples = Array.from({ length: steps + 1 }, (_, step) => ({
    at: startedAt + (ageMs * step) / steps,
    bytes: (bytes * step) / steps,
  }))
  const job = { bytes: PART, run: async () => {}, wanted: () => true, giveUp: () => {} }
  const controller = new AbortController()
  const nothing = () => {}
  return {
    controller,
    isHedge,
    failures: 0,
    movedAt: NOW,
    isHeld: false,
    samples,
    flight: {
      job,
      route,
      url: route.urls[0] ?? null,
      signal: controller.signal,
      startedAt,
      bytes,
      moved: nothing,
      connected: nothing,
      pace: async () => {},
      isPaced: () => false,
    },
  }
}

/** Routes on which `speed` MiB/s was seen, with so many attempts on the first. */
function aSituation(courses: (routes: Route[]) => Course[], change: Partial<Situation> = {}) {
  const routes = routesFrom(EDGES, [])
  for (const route of routes.slice(0, 3)) Object.assign(route, { speed: 2 * MIB, answerMs: 100 })
  const flying = courses(routes)
  for (const { flight } of flying) flight.route.active += 1
  return {
    routes,
    courses: flying,
    pending: 0,
    connections: flying.length + 4,
    bytes: 100 * MIB,
    wasted: 0,
    hedges: { won: 1, lost: 0 },
    now: NOW,
    ...change,
  } satisfies Situation
}

const given = (routes: Route[], at: number): Route => {
  const route = routes[at]
  if (!route) throw new Error('no such route')
  return route
}

test('the part that lags is sent again over another path, and no other', () => {
  const situation = aSituation((routes) => [
    aCourse({ route: given(routes, 0), ageMs: 3_000, bytes: 0.3 * MIB }),
    aCourse({ route: given(routes, 1), ageMs: 2_000, bytes: 4 * MIB }),
  ])
  const rescues = findRescues(situation)
  expect(rescues).toMatchObject([{ course: situation.courses[0], how: 'hedge' }])
  expect(rescues[0]?.route).not.toBe(situation.routes[0])
})

test('while parts wait, one that has hardly begun is moved, and one that is far is left', () => {
  const at = (bytes: number) =>
    findRescues(
      aSituation((routes) => [aCourse({ route: given(routes, 0), ageMs: 40_000, bytes })], {
        pending: 5,
        connections: 1,
      }),
    )
  expect(at(0.5 * MIB)).toMatchObject([{ how: 'move' }])
  expect(at(3 * MIB)).toEqual([])
})

test('before a first part has arrived only what is very late is sent again', () => {
  const at = (ageMs: number) => {
    const situation = aSituation((routes) => [
      aCourse({ route: given(routes, 0), ageMs, bytes: 0.2 * MIB }),
      aCourse({ route: given(routes, 1), ageMs, bytes: 0.9 * PART }),
    ])
    for (const route of situation.routes) route.speed = undefined
    return findRescues(situation).length
  }
  expect(at(1_500)).toBe(0)
  expect(at(4_000)).toBe(1)
})

test('where the allowance is used up, one part for which all would wait is still sent again, and no second', () => {
  const late = (routes: Route[]) =>
    [0, 1, 2].map((at) => aCourse({ route: given(routes, at), ageMs: 9_000, bytes: 0.2 * MIB }))
  const situation = aSituation(late, { wasted: 50 * MIB })
  expect(findRescues(situation)).toHaveLength(1)
  const [first] = situation.courses
  if (!first) throw new Error('no course')
  const hedged = { ...situation, courses: [...situation.courses, { ...first, isHedge: true }] }
  expect(findRescues(hedged)).toEqual([])
})

test('few bytes go twice until second attempts have been of use; then more do', () => {
  const late = (routes: Route[]) =>
    [0, 1, 2].map((at) => aCourse({ route: given(routes, at), ageMs: 1_500, bytes: 0.2 * MIB }))
  const rescued = (hedges: Situation['hedges']) => findRescues(aSituation(late, { hedges })).length
  // A hedge may cost half a part of 5 MiB; 3 % and 12 % of 100 MiB.
  expect(rescued({ won: 0, lost: 0 })).toBe(1)
  expect(rescued({ won: 2, lost: 2 })).toBe(1)
  expect(rescued({ won: 3, lost: 2 })).toBe(3)
})

test('before one was of use, a second attempt is taken to cost the whole part', () => {
  const late = (routes: Route[]) => [
    aCourse({ route: given(routes, 0), ageMs: 3_000, bytes: 1.25 * MIB }),
  ]
  const rescued = (hedges: Situation['hedges'], bytes: number) =>
    findRescues(aSituation(late, { hedges, bytes })).length
  // 3 % of 160 MiB are less than a part of 5 MiB, of 170 more.
  expect(rescued({ won: 0, lost: 0 }, 160 * MIB)).toBe(0)
  expect(rescued({ won: 0, lost: 0 }, 170 * MIB)).toBe(1)
  expect(rescued({ won: 1, lost: 0 }, 100 * MIB)).toBe(1)
})

test('whatever is under way: never more than there are connections for, each part once, and within the allowance', () => {
  const attempt = fc.record({
    at: fc.integer({ min: 0, max: 3 }),
    ageMs: fc.integer({ min: 0, max: 60_000 }),
    bytes: fc.integer({ min: 0, max: PART }),
  })
  fc.assert(
    fc.property(
      fc.array(attempt, { maxLength: 20 }),
      fc.record({
        pending: fc.integer({ min: 0, max: 3 }),
        connections: fc.integer({ min: 0, max: 30 }),
        wasted: fc.integer({ min: 0, max: 30 * MIB }),
        hedges: fc.record({ won: fc.nat(3), lost: fc.nat(3) }),
      }),
      (attempts, change) => {
        const { pending, connections, wasted, hedges } = change
        const situation = aSituation(
          (routes) =>
            attempts.map(({ at, ...rest }) => aCourse({ route: given(routes, at), ...rest })),
          change,
        )
        const rescues = findRescues(situation)
        const free = Math.max(0, connections - attempts.length)
        expect(rescues.length).toBeLessThanOrEqual(pending > 0 ? 1 : free)
        expect(new Set(rescues.map(({ course }) => course)).size).toBe(rescues.length)
        for (const { how } of rescues) expect(how).toBe(pending > 0 ? 'move' : 'hedge')
        const cost = rescues.reduce((sum, { course }) => sum + course.flight.bytes, 0)
        const share = hedges.won > hedges.lost ? 0.12 : 0.03
        const allowed = Math.max(0, share * situation.bytes - wasted)
        if (rescues.length > 1) expect(cost).toBeLessThanOrEqual(allowed + PART)
      },
    ),
  )
})

test('an answer is not waited for a minute where other paths have shown how long answers take', () => {
  const stalled = (known: boolean) => {
    const { courses } = aSituation((routes) => {
      const slow = given(routes, 0)
      Object.assign(slow, { answerMs: undefined })
      Object.assign(given(routes, 1), { answerMs: known ? 100 : undefined })
      return [
        aCourse({ route: slow, ageMs: 60_000, bytes: PART }),
        aCourse({ route: given(routes, 1), ageMs: 500, bytes: MIB }),
      ]
    })
    return findStalled(
      courses.map((course, at) => ({ ...course, movedAt: at === 0 ? NOW - 11_000 : NOW })),
      NOW,
    ).length
  }
  expect([stalled(true), stalled(false)]).toEqual([1, 0])
})

test('what has not moved for longer than its path explains has stalled; after failures it gets longer', () => {
  const silent = (failures: number, ms: number) => {
    const { courses } = aSituation((routes) => [
      aCourse({ route: given(routes, 0), ageMs: 60_000, bytes: MIB }),
    ])
    const [course] = courses
    if (!course) throw new Error('no course')
    return findStalled([{ ...course, failures, movedAt: NOW - ms }], NOW).length
  }
  expect([silent(0, 3_900), silent(0, 4_100), silent(1, 7_900), silent(1, 8_100)]).toEqual([
    0, 1, 0, 1,
  ])
})
