import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createJobQueue, type Job } from '../../../lib/client/job-queue.ts'

function job(bytes: number, wanted = () => true): Job {
  return { bytes, wanted, run: async () => {}, giveUp: () => {} }
}

test('jobs leave in the order they came, each once', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(), { maxLength: 30 })), (batches) => {
      const queue = createJobQueue()
      for (const batch of batches) queue.add(batch.map((bytes) => job(bytes)))
      expect(queue.pending()).toBe(batches.flat().length)
      const taken: number[] = []
      for (let next = queue.take('a', [], 0); next; next = queue.take('a', [], 0)) {
        taken.push(next.job.bytes)
      }
      expect(taken).toEqual(batches.flat())
      expect(queue.pending()).toBe(0)
    }),
  )
})

test('a failed job comes back before new ones, when its wait is over', () => {
  const queue = createJobQueue()
  queue.add([job(1), job(2), job(3)])
  const first = queue.take('a', [], 0)
  if (!first) throw new Error('nothing')
  queue.retry({ ...first, failures: 1, notBefore: 100 })
  expect(queue.nextAt()).toBe(100)
  expect(queue.take('a', [], 50)?.job.bytes).toBe(2)
  expect(queue.take('a', [], 100)?.job.bytes).toBe(1)
})

test('a job is not taken by the path it failed on while another path is left', () => {
  const queue = createJobQueue()
  queue.add([job(1)])
  const first = queue.take('a', ['b'], 0)
  if (!first) throw new Error('nothing')
  queue.retry({ ...first, avoid: new Set(['a']) })
  expect(queue.take('a', ['b'], 0)).toBeUndefined()
  expect(queue.take('b', ['a'], 0)?.job.bytes).toBe(1)
  queue.retry({ ...first, avoid: new Set(['a', 'b']) })
  expect(queue.take('a', ['b'], 0)?.job.bytes).toBe(1)
})

test('jobs that nobody wants any more are passed over', () => {
  const queue = createJobQueue()
  let wanted = true
  queue.add([job(1, () => wanted), job(2)])
  const first = queue.take('a', [], 0)
  if (!first) throw new Error('nothing')
  queue.retry(first)
  wanted = false
  expect(queue.take('a', [], 0)?.job.bytes).toBe(2)
  expect(queue.take('a', [], 0)).toBeUndefined()
})
