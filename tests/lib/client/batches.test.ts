import fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchesOf, oneAhead } from '../../../lib/client/batches.ts'
import { layoutOf } from '../../../lib/content/layout.ts'

const GIB = 1024 ** 3

async function* sized(sizes: number[]) {
  for (const size of sizes) yield { layout: layoutOf(size) }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

test('no batch passes a hundred files or twenty thousand parts, and no file is lost or moved', async () => {
  const size = fc.oneof(fc.nat(10_000), fc.integer({ min: 1, max: 5000 * GIB }))
  await fc.assert(
    fc.asyncProperty(fc.array(size, { maxLength: 400 }), async (sizes) => {
      const batches = await collect(batchesOf(sized(sizes)))
      for (const batch of batches) {
        expect(batch.length).toBeLessThanOrEqual(100)
        expect(batch.reduce((sum, { layout }) => sum + layout.partCount, 0)).toBeLessThanOrEqual(
          20_000,
        )
      }
      expect(batches.flat().map(({ layout }) => layout.fileSize)).toEqual(sizes)
    }),
    { numRuns: 50 },
  )
})

test('ten thousand small files are a hundred calls', async () => {
  const batches = await collect(batchesOf(sized(new Array(10_000).fill(4096))))
  expect(batches).toHaveLength(100)
})

test('a large file does not wait for company', async () => {
  const batches = await collect(batchesOf(sized([100, GIB, 100])))
  expect(batches.map((batch) => batch.length)).toEqual([2, 1])
})

test('one item is made ahead, and its failure is told in its turn', async () => {
  const made: number[] = []
  async function* items() {
    made.push(1)
    yield 1
    made.push(2)
    yield 2
    throw new Error('third')
  }
  const iterator = oneAhead(items())
  await iterator.next()
  await Promise.resolve()
  expect(made).toEqual([1, 2])
  await iterator.next()
  await expect(iterator.next()).rejects.toThrow('third')
})
