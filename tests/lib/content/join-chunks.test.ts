import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { chunkFile, chunkIdOf } from '../../../lib/content/chunk.ts'
import { averageBytesOf, chunkSizesOf } from '../../../lib/content/chunk-sizes.ts'
import { createJoiner } from '../../../lib/content/join-chunks.ts'
import { layoutOf, partRange } from '../../../lib/content/layout.ts'
import { createSlicer } from '../../../lib/content/slicer.js'
import { madeUpBytes } from './made-up-bytes.ts'

const KIB = 1024
const MIB = 1024 * KIB
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

/** The parts cut side by side and joined; `read` bytes are those that were cut once more for it. */
async function joined(file: Uint8Array<ArrayBuffer>, order: (count: number) => number[]) {
  let read = 0
  const joiner = createJoiner({
    fileSize: file.length,
    read: async (offset, length) => {
      read += length
      return file.subarray(offset, offset + length)
    },
    digest,
  })
  const layout = layoutOf(file.length)
  for (const number of order(layout.partCount)) {
    const { offset, length } = partRange(layout, number)
    const slicer = createSlicer(chunkSizesOf(averageBytesOf(file.length)))
    const chunks = slicer.push(file.subarray(offset, offset + length))
    joiner.add(number, {
      lengths: Uint32Array.from(chunks, (bytes) => bytes.length),
      ids: Float64Array.from(chunks, (bytes) => chunkIdOf(digest(bytes))),
    })
  }
  return { chunks: await joiner.end(), read }
}

const forwards = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
const backwards = (count: number) => forwards(count).reverse()
const whole = (file: Uint8Array<ArrayBuffer>) =>
  chunkFile([file], { fileSize: file.length, digest })

test('parts that are cut side by side make the chunks of the file, whatever their order', async () => {
  const file = madeUpBytes(31 * MIB + 17, 1)
  const { chunks, read } = await joined(file, backwards)
  expect(chunks).toEqual(await whole(file))
  // Of random bytes little is cut twice: six ends of parts and the end of the file.
  expect(read).toBeLessThan(7 * 512 * KIB)
})

test.each([
  ['a file of one part', madeUpBytes(7 * MIB, 1)],
  ['a file that is all zeros', new Uint8Array(26 * MIB + 5)],
  ['zeros that begin anywhere', withZeros(23 * MIB, 3 * MIB + 777, 15 * MIB)],
  ['zeros up to the end', withZeros(23 * MIB, 12 * MIB + 1, 23 * MIB)],
  ['a last part of one byte', madeUpBytes(20 * MIB + 1, 1)],
  ['text that repeats itself', repeated(madeUpBytes(1000, 1), 18 * MIB)],
])('the chunks are right for %s', async (_, file) => {
  const { chunks } = await joined(file, forwards)
  expect(chunks).toEqual(await whole(file))
})

test('parts that nobody cut are cut then', async () => {
  const file = madeUpBytes(17 * MIB, 1)
  const { chunks } = await joined(file, () => [1, 3])
  expect(chunks).toEqual(await whole(file))
})

test('a file that becomes shorter is an error, not a loop', async () => {
  const joiner = createJoiner({ fileSize: 9 * MIB, read: async () => new Uint8Array(), digest })
  await expect(joiner.end()).rejects.toThrow('shorter')
})

function withZeros(size: number, from: number, to: number) {
  const file = madeUpBytes(size, 1)
  file.fill(0, from, to)
  return file
}

function repeated(piece: Uint8Array, size: number) {
  const file = new Uint8Array(size)
  for (let at = 0; at < size; at += piece.length)
    file.set(piece.subarray(0, Math.min(piece.length, size - at)), at)
  return file
}
