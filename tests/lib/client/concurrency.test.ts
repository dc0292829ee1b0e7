import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createConcurrency } from '../../../lib/client/concurrency.ts'

const MBIT = 1e6 / 8
/** Of a long file. */
const pending = 1_000

/** Lets time pass in steps of 50 ms on a line of which each connection carries `each`, all of them at most `line` (bytes a second). */
function drive(
  line: number,
  { each, ceiling, seconds }: { each: number; ceiling: number; seconds: number },
) {
  const concurrency = createConcurrency()
  concurrency.setCeiling(ceiling)
  const seen: number[] = []
  for (let now = 0; now < seconds * 1000; now += 50) {
    const rate = Math.min(line, each * concurrency.allowed())
    concurrency.observe({ now, rate, isFull: true, pending })
    seen.push(concurrency.allowed())
  }
  return { concurrency, seen }
}

test('nothing is opened before the ceiling is known', () => {
  expect(createConcurrency().allowed()).toBe(0)
})

test('where connections are slow and the line is wide, eight are open within half a second and all that are allowed within ten', () => {
  const { seen } = drive(300 * MBIT, { each: 5 * MBIT, ceiling: 16, seconds: 10 })
  expect(seen[0]).toBe(4)
  expect(seen[10]).toBe(8)
  expect(seen.at(-1)).toBe(16)
})

test('a fast line that eight fill gets more for seconds at most', () => {
  const { seen } = drive(300 * MBIT, { each: 50 * MBIT, ceiling: 32, seconds: 20 })
  expect(seen[10]).toBe(8)
  expect(Math.max(...seen)).toBe(12)
  expect(seen.filter((count) => count > 8).length).toBeLessThan(100)
})

test('an uplink that one connection fills is not flooded', () => {
  const { seen } = drive(20 * MBIT, { each: 20 * MBIT, ceiling: 32, seconds: 20 })
  expect(Math.max(...seen)).toBeLessThanOrEqual(8)
  expect(seen.filter((count) => count > 5).length).toBeLessThan(10)
})

test('a far path begins with twelve', () => {
  const concurrency = createConcurrency()
  concurrency.setCeiling(32)
  concurrency.sawRoundTrip(165)
  expect(concurrency.allowed()).toBe(12)
  concurrency.setCeiling(8)
  expect(concurrency.allowed()).toBe(8)
})

test('a far path gets more than twelve only where many parts wait for each connection', () => {
  for (const [waiting, most] of [
    [8, 12],
    [116, 32],
  ] as const) {
    const concurrency = createConcurrency()
    concurrency.setCeiling(32)
    concurrency.expectFar()
    for (let now = 0; now < 20_000; now += 50) {
      const rate = 20 * MBIT * concurrency.allowed()
      concurrency.observe({ now, rate, isFull: true, pending: waiting })
    }
    expect(concurrency.allowed()).toBe(most)
  }
})

test('asked to slow down it halves, once for all who were asked together, and grows again', () => {
  const { concurrency } = drive(300 * MBIT, { each: 5 * MBIT, ceiling: 16, seconds: 10 })
  for (let part = 0; part < 8; part += 1) concurrency.throttle(10_000)
  expect(concurrency.allowed()).toBe(8)
  for (let now = 10_000; now < 30_000; now += 50) {
    concurrency.observe({ now, rate: 5 * MBIT * concurrency.allowed(), isFull: true, pending })
  }
  expect(concurrency.allowed()).toBeGreaterThan(10)
})

test('never fewer than one nor more than the ceiling, whatever is seen', () => {
  const event = fc.oneof(
    fc.record({ rate: fc.double({ min: 0, max: 1e9, noNaN: true }), isFull: fc.boolean() }),
    fc.constant('throttle' as const),
    fc.integer({ min: 0, max: 2_000 }),
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.array(event, { maxLength: 200 }),
      (ceiling, events) => {
        const concurrency = createConcurrency()
        concurrency.setCeiling(ceiling)
        for (const [at, seen] of events.entries()) {
          if (seen === 'throttle') concurrency.throttle(at * 50)
          else if (typeof seen === 'number') concurrency.sawRoundTrip(seen)
          else concurrency.observe({ now: at * 50, pending, ...seen })
          expect(concurrency.allowed()).toBeGreaterThanOrEqual(1)
          expect(concurrency.allowed()).toBeLessThanOrEqual(ceiling)
        }
      },
    ),
  )
})
