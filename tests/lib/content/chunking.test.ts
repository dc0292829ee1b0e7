import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Chunks, chunkFile } from '../../../lib/content/chunk.ts'
import { averageBytesOf, chunkCountMax, chunkSizesOf } from '../../../lib/content/chunk-sizes.ts'
import { GEAR } from '../../../lib/content/cut.js'
import { FILE_BYTES_MAX, layoutOf } from '../../../lib/content/layout.ts'
import { madeUpBytes } from './made-up-bytes.ts'

const KIB = 1024
const vectors = JSON.parse(readFileSync('docs/chunking-vectors.json', 'utf8'))

const fileSizes = fc.oneof(
  fc.integer({ min: 0, max: FILE_BYTES_MAX }),
  fc
    .tuple(fc.integer({ min: 14, max: 42 }), fc.integer({ min: -1, max: 1 }))
    .map(([bits, step]) => 2 ** bits + step),
)

test('the gear table, bounds and masks are the published ones', () => {
  expect(Array.from(GEAR, hexOf)).toEqual(vectors.gear.table)
  expect(vectors.sizes.length).toBeGreaterThan(10)
  for (const { fileSize, ...published } of vectors.sizes) {
    const { strictMask, looseMask, ...bounds } = chunkSizesOf(averageBytesOf(fileSize))
    const masks = { strictMask: hexOf(strictMask), looseMask: hexOf(looseMask) }
    expect({ ...bounds, ...masks }).toEqual(published)
  }
})

test('the published files have the published chunks', async () => {
  expect(vectors.generatedFiles.length).toBeGreaterThan(5)
  for (const { fileSize, seed, averageBytes, lengths, chunkIds } of vectors.generatedFiles) {
    const bytes = seed === 0 ? new Uint8Array(fileSize) : madeUpBytes(fileSize, seed)
    const chunks = await chunkFile([bytes], { fileSize, averageBytes })
    expect(lengthsOf(chunks)).toEqual(lengths)
    expect(Array.from(chunks.ids, (id) => id.toString(16).padStart(12, '0'))).toEqual(chunkIds)
  }
})

test('a chunk id is the first 48 bits of the SHA-256 of its bytes, whoever computes it', async () => {
  const bytes = madeUpBytes(300 * KIB, 5)
  const byWebCrypto = await chunkFile([bytes], { fileSize: bytes.length })
  const byNode = await chunkFile([bytes], { fileSize: bytes.length, digest: sha256 })
  expect(byNode).toEqual(byWebCrypto)
  for (const [index, id] of byNode.ids.entries()) {
    const chunk = bytes.subarray(byNode.offsets[index], byNode.offsets[index + 1])
    expect(id.toString(16).padStart(12, '0')).toBe(sha256(chunk).toString('hex').slice(0, 12))
  }
})

test('however a file is sliced, its chunks are the same, and a slice is not used after the next was asked for', async () => {
  const bytes = madeUpBytes(200 * KIB, 6)
  bytes.fill(0, 60 * KIB, 150 * KIB)
  const whole = await chunkFile([bytes], { fileSize: bytes.length })
  const ends = fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 30 })
  const independent = fc.asyncProperty(ends, async (some) => {
    const slices = slicesOf(bytes, some)
    expect(await chunkFile(slices, { fileSize: bytes.length })).toEqual(whole)
  })
  await fc.assert(independent, { numRuns: 60 })
  const byteByByte = slicesOf(bytes.subarray(0, 30_000), [...Array(30_000).keys()])
  const start = await chunkFile([bytes.subarray(0, 30_000)], { fileSize: 30_000 })
  expect(await chunkFile(byteByByte, { fileSize: 30_000 })).toEqual(start)
})

test('chunks cover a file, each within the bounds and only the last one shorter, whatever the bytes are', async () => {
  const kinds = fc.oneof(
    fc.integer({ min: 0, max: 255 }).map((byte) => new Uint8Array([byte])),
    fc.uint8Array({ minLength: 1, maxLength: 100 }),
    fc.integer({ min: 1, max: 1e9 }).map((seed) => madeUpBytes(150 * KIB, seed)),
  )
  const covered = fc.asyncProperty(kinds, fc.nat({ max: 400 * KIB }), async (pattern, fileSize) => {
    const bytes = Uint8Array.from(
      { length: fileSize },
      (_, at) => pattern[at % pattern.length] ?? 0,
    )
    const { minBytes, maxBytes, averageBytes } = chunkSizesOf(averageBytesOf(fileSize))
    const chunks = await chunkFile([bytes], { fileSize, digest: sha256 })
    const lengths = lengthsOf(chunks)
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(fileSize)
    expect(lengths.length).toBeLessThanOrEqual(chunkCountMax(fileSize, averageBytes))
    for (const length of lengths.slice(0, -1)) {
      expect(length).toBeGreaterThanOrEqual(minBytes)
      expect(length).toBeLessThanOrEqual(maxBytes)
    }
    expect(lengths.at(-1) ?? 1).toBeGreaterThan(0)
  })
  await fc.assert(covered, { numRuns: 60 })
})

test('chunks of random bytes have 1.18 times the nominal average', async () => {
  for (const averageBytes of [16 * KIB, 128 * KIB]) {
    const fileSize = averageBytes * 600
    const bytes = madeUpBytes(fileSize, 7)
    const { ids } = await chunkFile([bytes], { fileSize, averageBytes, digest: sha256 })
    expect(fileSize / ids.length / averageBytes).toBeGreaterThan(1.14)
    expect(fileSize / ids.length / averageBytes).toBeLessThan(1.22)
  }
})

test('bytes that are inserted, removed or changed leave all but a few chunks as they were', async () => {
  const bytes = madeUpBytes(2048 * KIB, 8)
  const before = new Set((await chunkFile([bytes], { fileSize: bytes.length })).ids)
  const edits = fc.record({
    at: fc.nat({ max: bytes.length }),
    removed: fc.nat({ max: 5000 }),
    inserted: fc.uint8Array({ maxLength: 5000 }),
  })
  const local = fc.asyncProperty(edits, async ({ at, removed, inserted }) => {
    const slices = [bytes.subarray(0, at), new Uint8Array(inserted), bytes.subarray(at + removed)]
    const fileSize = slices.reduce((sum, { length }) => sum + length, 0)
    const { ids } = await chunkFile(slices, { fileSize, digest: sha256 })
    expect(ids.filter((id) => !before.has(id)).length).toBeLessThanOrEqual(12)
  })
  await fc.assert(local, { numRuns: 40 })
})

test('the average is a power of two that never falls with the size, makes at most 2^20 chunks and fits into parts', () => {
  const bounded = fc.property(fileSizes, fileSizes, (one, other) => {
    const [small, large] = [Math.min(one, other), Math.max(one, other)]
    const average = averageBytesOf(large)
    expect(averageBytesOf(small)).toBeLessThanOrEqual(average)
    expect(Math.log2(average) % 1).toBe(0)
    expect(large / average).toBeLessThanOrEqual(2 ** 20)
    expect(average === 16 * KIB || large / average > 2 ** 19).toBe(true)
    expect(average * 32).toBeLessThanOrEqual(layoutOf(large).partSize)
  })
  fc.assert(bounded, { numRuns: 500 })
})

test('slices that are not as many bytes as the file has are refused', async () => {
  const bytes = madeUpBytes(100 * KIB, 9)
  for (const fileSize of [0, 1, bytes.length - 1, bytes.length + 1, 200 * KIB]) {
    await expect(chunkFile([bytes], { fileSize })).rejects.toThrow(RangeError)
  }
  await expect(chunkFile([], { fileSize: 1 })).rejects.toThrow(RangeError)
})

/** Slices up to the given ends, all in one buffer that each of them overwrites. */
function* slicesOf(bytes: Uint8Array, ends: number[]) {
  const buffer = new Uint8Array(bytes.length)
  let start = 0
  for (const end of [...ends.sort((a, b) => a - b), bytes.length]) {
    buffer.fill(0xee)
    buffer.set(bytes.subarray(start, end))
    yield buffer.subarray(0, end - start)
    start = end
  }
}

function lengthsOf({ offsets }: Chunks): number[] {
  return Array.from(offsets.subarray(1), (end, index) => end - (offsets[index] ?? 0))
}

function hexOf(number: number): string {
  return (number >>> 0).toString(16).padStart(8, '0')
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
