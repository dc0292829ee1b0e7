import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { EngineOptions, Ping } from '../../../lib/client/engine-state.ts'
import { createLine } from '../../../lib/client/line.ts'
import { createPacer } from '../../../lib/client/pacer.ts'
import { DIRECT } from '../../../lib/client/routes.ts'

const MBIT = 1e6 / 8
const ROUND_TRIP_MS = 11
const STEP_MS = 50

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

type Uplink = { line: number; queueMax: number; seconds: number }

/** A sender that fills whatever it may, and the router's queue before a line (bytes a second) that takes so many bytes. */
async function upload(
  { line, queueMax, seconds }: Uplink,
  options: Partial<EngineOptions> & { isDeaf?: boolean } = {},
) {
  let queue = 0
  let sent = 0
  const delays: number[] = []
  const rates: number[] = []
  const ping: Ping = async () => {
    const ms = ROUND_TRIP_MS + (queue / line) * 1000
    await new Promise((resolve) => setTimeout(resolve, ms))
    return { ms, leastMs: ROUND_TRIP_MS }
  }
  const pacer = createPacer(options.bytesPerSecondMax)
  const routes = [{ ...route('near'), urls: ['http://near.test'], active: 4 }, route(DIRECT)]
  const watched = createLine({
    onBytes: () => {},
    ...options,
    ...(!options.isDeaf && { ping }),
  })
  let handed = 0
  for (let at = 0; at < seconds * 1000; at += STEP_MS) {
    // TCP fills the queue, and then gets as much through as the line takes.
    const offered = Math.min(pacer.rate(), line * 1.3) * (STEP_MS / 1000)
    const taken = Math.min(offered, queueMax - queue + line * (STEP_MS / 1000))
    const gone = Math.min(queue + taken, line * (STEP_MS / 1000))
    queue += taken - gone
    sent += gone
    handed += taken
    rates.push(taken / (STEP_MS / 1000))
    delays.push((queue / line) * 1000)
    await vi.advanceTimersByTimeAsync(STEP_MS)
    const lately = rates.slice(-30)
    const rate = lately.reduce((sum, one) => sum + one, 0) / lately.length
    watched.observe({ pacer, routes }, { rate, handedOver: [handed], now: performance.now() })
  }
  return { sent, delays, pacer }
}

function route(id: string) {
  return { id, urls: [], active: 0, failures: 0, failedParts: 0, restUntil: 0 }
}

const median = (values: number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

test.each([2, 10, 20, 40])(
  'on %i Mbit/s others wait little, and nearly all of the line is used',
  async (mbit) => {
    const line = mbit * MBIT
    const seconds = 20
    const { sent, delays } = await upload({ line, queueMax: line * 0.2, seconds })
    expect(median(delays.slice(60))).toBeLessThan(40)
    expect(sent / (line * seconds)).toBeGreaterThan(0.93)
  },
)

test('a fast line is not held back', async () => {
  const line = 200 * MBIT
  const { pacer } = await upload({ line, queueMax: line * 0.1, seconds: 5 })
  expect(pacer.rate()).toBe(Number.POSITIVE_INFINITY)
})

test('a line without a queue is not held back', async () => {
  const line = 20 * MBIT
  const { pacer } = await upload({ line, queueMax: line * 0.01, seconds: 5 })
  expect(pacer.rate()).toBe(Number.POSITIVE_INFINITY)
})

test('where no round trips can be measured nothing is held back, and a given limit holds', async () => {
  const line = 20 * MBIT
  const uplink = { line, queueMax: line * 0.2, seconds: 3 }
  const deaf = await upload(uplink, { isDeaf: true })
  expect(deaf.pacer.rate()).toBe(Number.POSITIVE_INFINITY)
  const limited = await upload(uplink, { bytesPerSecondMax: MBIT })
  expect(limited.pacer.rate()).toBeLessThanOrEqual(MBIT)
})
