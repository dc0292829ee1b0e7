import { expect, test } from 'vitest'
import { createMeter } from '../../../lib/client/progress.ts'

test('the rate is that of the last five seconds, and the time left follows from it', () => {
  let now = 0
  const meter = createMeter(undefined, () => now)
  meter.expect(1, 20_000)
  for (let second = 0; second < 10; second += 1) {
    meter.moved('direct', second < 5 ? 100 : 1000)
    now += 1000
  }
  const { rate, secondsLeft, bytesDone } = meter.progress()
  expect(bytesDone).toBe(5_500)
  expect(rate).toBeCloseTo(1000, -2)
  expect(secondsLeft).toBeCloseTo((20_000 - 5_500) / rate, 3)
})

test('an attempt that comes to nothing is taken back from the total and its path', () => {
  const meter = createMeter()
  meter.moved('edge', 700)
  meter.moved('edge', -700)
  meter.moved('direct', 700)
  expect(meter.progress()).toMatchObject({ bytesDone: 700, perPath: { edge: 0, direct: 700 } })
})

test('bytes that were there already count as done but not as rate', () => {
  const meter = createMeter()
  meter.expect(1, 1000)
  meter.skipped(900)
  expect(meter.progress()).toMatchObject({ bytesDone: 900, rate: 0, secondsLeft: null })
})

test('a listener is told at most ten times a second', () => {
  let now = 0
  let told = 0
  const tell = () => {
    told += 1
  }
  const meter = createMeter(tell, () => now)
  for (let ms = 0; ms < 1000; ms += 1) {
    meter.moved('direct', 1)
    now += 1
  }
  expect(told).toBe(10)
})

test('copies are done but not sent, and while the store copies, the line has only the rest to carry', () => {
  let now = 0
  const meter = createMeter(undefined, () => now)
  meter.expect(1, 1000)
  meter.copying(800)
  meter.moved('direct', 100)
  now += 1000
  meter.sentBeside(7)
  expect(meter.progress()).toMatchObject({ rate: 100, secondsLeft: 1, sentBytes: 107 })
  meter.copying(-800)
  meter.copied(800)
  meter.skipped(800)
  expect(meter.progress()).toMatchObject({
    bytesDone: 900,
    sentBytes: 107,
    copiedBytes: 800,
    rate: 100,
    secondsLeft: 1,
  })
})
