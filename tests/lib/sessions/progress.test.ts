import { expect, test } from 'vitest'
import { type Known, progressOf } from '../../../lib/sessions/progress.ts'

const MIB = 1024 * 1024
const UPLOAD: Known = {
  fileSize: 17 * MIB,
  partCount: 4,
  state: 'open',
  chunksReported: 0,
  bytesReported: 0,
  speed: 0,
}
const counted = (completed: number, isLastCompleted = false) => ({ completed, isLastCompleted })

test('bytes follow from the distinct chunks, the last of which is shorter', () => {
  expect(progressOf(UPLOAD, counted(2))).toMatchObject({ bytesUploaded: 10 * MIB, percent: 58.8 })
  expect(progressOf(UPLOAD, counted(2, true))).toMatchObject({ bytesUploaded: 7 * MIB })
  expect(progressOf(UPLOAD, counted(4, true))).toMatchObject({
    bytesUploaded: 17 * MIB,
    percent: 100,
  })
})

test('the ledger or the best session counts, whichever is more', () => {
  const reported = { ...UPLOAD, chunksReported: 3, bytesReported: 12 * MIB }
  const best = { chunksCompleted: 3, bytesUploaded: 12 * MIB }
  expect(progressOf(reported, null)).toMatchObject(best)
  expect(progressOf(reported, counted(1))).toMatchObject(best)
  const more = { ...UPLOAD, chunksReported: 1, bytesReported: 5 * MIB }
  expect(progressOf(more, counted(2))).toMatchObject({
    chunksCompleted: 2,
    bytesUploaded: 10 * MIB,
  })
})

test('only what is all there is 100 percent', () => {
  const almost = { ...UPLOAD, bytesReported: 17 * MIB - 1 }
  expect(progressOf(almost, counted(3)).percent).toBe(99.9)
  const done = progressOf({ ...UPLOAD, state: 'done' }, null)
  expect(done).toMatchObject({ chunksCompleted: 4, bytesUploaded: 17 * MIB, percent: 100 })
})

test('seconds left follow from the speed; nobody knows them while nothing moves', () => {
  expect(progressOf(UPLOAD, counted(2)).secondsLeft).toBeNull()
  const moving = progressOf({ ...UPLOAD, speed: 2 * MIB }, counted(2))
  expect(moving).toMatchObject({ speed: 2 * MIB, secondsLeft: 4 })
})
