import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { createPacer } from '../../../lib/client/pacer.ts'

test('whatever the sizes of the pieces, no more than the rate goes, but for one burst', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 10_000, max: 10_000_000 }),
        fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 2, maxLength: 50 }),
        async (rate, pieces) => {
          const pacer = createPacer(rate)
          const startedAt = performance.now()
          for (const piece of pieces) {
            const taken = pacer.take(piece)
            await vi.runAllTimersAsync()
            await taken
          }
          const seconds = (performance.now() - startedAt) / 1000
          const last = pieces.at(-1) ?? 0
          const before = pieces.reduce((sum, piece) => sum + piece, 0) - last
          const burst = Math.max(rate * 0.02, 2048)
          expect(before).toBeLessThanOrEqual(seconds * rate + burst + 1)
        },
      ),
      { numRuns: 50 },
    )
  } finally {
    vi.useRealTimers()
  }
})

test('without a rate nothing waits, and a lower rate slows what is owed', async () => {
  let now = 0
  const pacer = createPacer(Number.POSITIVE_INFINITY, () => now)
  await pacer.take(1e9)
  pacer.setRate(1_000)
  now = 10_000
  await pacer.take(2_500)
  let isThrough = false
  const next = pacer.take(1).then(() => {
    isThrough = true
  })
  await Promise.resolve()
  expect(isThrough).toBe(false)
  await next
})
