import { expect, test } from 'vitest'
import { describe } from '../../../lib/cli/progress-line.ts'

const MIB = 1024 * 1024
const HALF = {
  bytesDone: 5 * MIB,
  bytesTotal: 10 * MIB,
  bytesHashed: 10 * MIB,
  sentBytes: 5 * MIB,
  copiedBytes: 0,
  filesDone: 0,
  filesTotal: 1,
  rate: MIB,
  secondsLeft: 5,
  perPath: {},
}

test('the line says how far it is, how fast, and how long it takes', () => {
  expect(describe(HALF)).toBe('50%  5.0 MiB of 10.0 MiB  1.0 MiB/s  5.0 s left')
})

test('while nothing moves, the line says what it waits for instead of a rate of zero', () => {
  const stalled = { ...HALF, rate: 0, secondsLeft: null }
  expect(describe(stalled)).toBe('50%  5.0 MiB of 10.0 MiB  waiting for the network')
})
