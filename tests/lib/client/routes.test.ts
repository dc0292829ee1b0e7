import { expect, test } from 'vitest'
import { backoffMs, retryAfterMs, wait } from '../../../lib/client/backoff.ts'
import { blame, isUsable, praise, routesFrom } from '../../../lib/client/routes.ts'

const EDGES = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, url: `http://${id}.test` }))

const PART = { bytes: 1, seconds: 1, answerMs: 1 }

test('the paths stand as the answer has them, and the direct one last', () => {
  expect(routesFrom(EDGES, []).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e', 'direct'])
})

test('the direct path stands where its score puts it', () => {
  const edges = EDGES.map((edge, at) => ({ ...edge, score: 0.9 - at / 10 }))
  const ids = (score: number) => routesFrom(edges, [], { score }).map(({ id }) => id)
  expect(ids(0.95)[0]).toBe('direct')
  expect(ids(0.75).indexOf('direct')).toBe(2)
  expect(ids(0.1).at(-1)).toBe('direct')
})

test('a path that failed last takes one part to try it; one that rests takes none', () => {
  const [route] = routesFrom(EDGES, [])
  if (!route) throw new Error('no route')
  route.active = 3
  expect(isUsable(route, 0)).toBe(true)
  route.failures = 1
  expect(isUsable(route, 0)).toBe(false)
  route.active = 0
  expect(isUsable(route, 0)).toBe(true)
  route.restUntil = 10
  expect(isUsable(route, 9)).toBe(false)
})

test('a path that failed rests, longer each time, and is left when it keeps failing', () => {
  const [route] = routesFrom(EDGES, [])
  if (!route) throw new Error('no route')
  const rests: number[] = []
  for (let now = 0; rests.length < 3; now = route.restUntil + 1) {
    blame(route, now, { waitMs: 0, others: true })
    rests.push(route.restUntil - now)
  }
  expect(rests[0]).toBeLessThanOrEqual(500)
  expect(rests[1]).toBeLessThanOrEqual(1_000)
  expect(rests[2]).toBe(60_000)
  praise(route, PART)
  expect(route.failures).toBe(0)
})

test('parts that fail together are one failure of their path', () => {
  const [route] = routesFrom(EDGES, [])
  if (!route) throw new Error('no route')
  for (let part = 0; part < 5; part += 1) blame(route, 10, { waitMs: 0, others: true })
  expect(route.failures).toBe(1)
  expect(route.restUntil - 10).toBeLessThanOrEqual(500)
})

test('a path over which several parts failed together is left when the next one fails after its rest', () => {
  const [route] = routesFrom(EDGES, [])
  if (!route) throw new Error('no route')
  for (let part = 0; part < 3; part += 1) blame(route, 10, { waitMs: 0, others: true })
  const now = route.restUntil + 1
  blame(route, now, { waitMs: 0, others: true })
  expect(route.restUntil - now).toBe(60_000)
})

test('a part that arrives makes up for those that failed before', () => {
  const [route] = routesFrom(EDGES, [])
  if (!route) throw new Error('no route')
  for (let part = 0; part < 3; part += 1) blame(route, 10, { waitMs: 0, others: true })
  praise(route, PART)
  for (let times = 0; times < 2; times += 1) {
    const now = route.restUntil + 1
    blame(route, now, { waitMs: 0, others: true })
    expect(route.restUntil - now).toBeLessThanOrEqual(1_000)
  }
})

test('the wait that a path asks for is kept, and the only path is never left', () => {
  const [route] = routesFrom([], [])
  if (!route) throw new Error('no route')
  blame(route, 0, { waitMs: 7_000, others: false })
  expect(route.restUntil).toBeGreaterThanOrEqual(7_000)
  for (let times = 0; times < 10; times += 1) {
    blame(route, route.restUntil + 1, { waitMs: 0, others: false })
  }
  route.restUntil = 0
  blame(route, 1, { waitMs: 0, others: false })
  expect(route.restUntil).toBeLessThanOrEqual(15_001)
})

test('a later answer keeps what is known of a path; one that it does not name takes no more', () => {
  const before = routesFrom(EDGES, [])
  const [a, b] = before
  if (!a || !b) throw new Error('no route')
  a.failures = 2
  b.active = 1
  const after = routesFrom(EDGES.slice(0, 1), before)
  expect(after.map(({ id }) => id)).toEqual(['a', 'direct', 'b'])
  expect(after[0]).toBe(a)
  expect(isUsable(b, 1e12)).toBe(false)
})

test('waits double from a quarter of a second to fifteen seconds, at least half of it sure', () => {
  expect([0, 1, 2, 3].map((n) => backoffMs(n, () => 1))).toEqual([250, 500, 1000, 2000])
  expect(backoffMs(50, () => 1)).toBe(15_000)
  expect(backoffMs(50, () => 0)).toBe(7_500)
})

test('Retry-After is read as seconds and as a date', () => {
  expect(retryAfterMs('3')).toBe(3000)
  expect(retryAfterMs('Thu, 01 Jan 1970 00:00:10 GMT', 4_000)).toBe(6_000)
  expect(retryAfterMs('soon')).toBe(0)
  expect(retryAfterMs(null)).toBe(0)
})

test('a wait ends at once when it is stopped', async () => {
  const controller = new AbortController()
  const waiting = wait(60_000, controller.signal)
  controller.abort(new Error('stop'))
  await expect(waiting).rejects.toThrow('stop')
  await expect(wait(1, controller.signal)).rejects.toThrow('stop')
})
