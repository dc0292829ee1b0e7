import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  FILE_BYTES_MAX,
  layoutOf,
  PARTS_MAX,
  partNumberOf,
  partRange,
  SINGLE_PART_BYTES_MAX,
} from '../../../lib/content/layout.ts'

const MIB = 1024 * 1024
const vectors = JSON.parse(readFileSync('docs/layout-vectors.json', 'utf8'))

/** Sizes of every order of magnitude, with the neighbours of whole mebibytes more often than chance would give them. */
const fileSizes = fc.oneof(
  fc.integer({ min: 0, max: 64 * MIB }),
  fc.integer({ min: 0, max: FILE_BYTES_MAX }),
  fc
    .tuple(fc.integer({ min: 1, max: FILE_BYTES_MAX / MIB - 1 }), fc.integer({ min: -1, max: 1 }))
    .map(([mebibytes, step]) => mebibytes * MIB + step),
)

test('every published layout is what this code computes', () => {
  expect(vectors.layouts.length).toBeGreaterThan(40)
  for (const { fileSize, partSize, partCount, lastPartSize } of vectors.layouts) {
    const layout = layoutOf(fileSize)
    expect(layout).toEqual({ fileSize, partSize, partCount })
    expect(partRange(layout, partCount).length).toBe(lastPartSize)
  }
})

test('the published layouts stand at every threshold, one byte below and one byte above', () => {
  const sizes = new Set(vectors.layouts.map(({ fileSize }: { fileSize: number }) => fileSize))
  const [eight, sixteen, thirtyTwo] = [8_000, 16_000, 32_000]
  const thresholds = [16, 512, eight, sixteen, thirtyTwo]
  for (let partMiB = 64; partMiB <= 512; partMiB += 64) thresholds.push(partMiB * PARTS_MAX)
  thresholds.push(64_000)
  for (const threshold of thresholds) {
    for (const step of [-1, 0, 1]) expect(sizes).toContain(threshold * MIB + step)
  }
  expect(sizes).toContain(0)
  expect(sizes).toContain(5 * 1024 ** 4)
})

test('parts cover a file exactly, in order, without a gap', () => {
  const covered = fc.property(fileSizes, (fileSize) => {
    const layout = layoutOf(fileSize)
    const last = partRange(layout, layout.partCount)
    expect(partRange(layout, 1).offset).toBe(0)
    expect(last.offset + last.length).toBe(fileSize)
    for (const partNumber of [2, Math.ceil(layout.partCount / 2), layout.partCount]) {
      if (partNumber < 2 || partNumber > layout.partCount) continue
      const before = partRange(layout, partNumber - 1)
      expect(partRange(layout, partNumber).offset).toBe(before.offset + before.length)
    }
  })
  fc.assert(covered, { numRuns: 500 })
})

test('a file has 1 to 10,000 parts, equal and at least 5 MiB but for the last, which is not empty', () => {
  const storable = fc.property(fileSizes, (fileSize) => {
    const layout = layoutOf(fileSize)
    const last = partRange(layout, layout.partCount)
    expect(layout.partCount).toBeGreaterThanOrEqual(1)
    expect(layout.partCount).toBeLessThanOrEqual(PARTS_MAX)
    if (layout.partCount === 1) {
      expect(fileSize).toBeLessThanOrEqual(SINGLE_PART_BYTES_MAX)
      return
    }
    expect(layout.partSize).toBeGreaterThanOrEqual(5 * MIB)
    expect(partRange(layout, layout.partCount - 1).length).toBe(layout.partSize)
    expect(last.length).toBeGreaterThan(0)
    expect(last.length).toBeLessThanOrEqual(layout.partSize)
  })
  fc.assert(storable, { numRuns: 500 })
})

test('above 16 MiB a larger file never has smaller parts', () => {
  const multipart = fileSizes.filter((size) => size > SINGLE_PART_BYTES_MAX)
  const growing = fc.property(multipart, multipart, (one, other) => {
    const [small, large] = [Math.min(one, other), Math.max(one, other)]
    expect(layoutOf(small).partSize).toBeLessThanOrEqual(layoutOf(large).partSize)
  })
  fc.assert(growing, { numRuns: 500 })
})

test('the first chunk is part 1', () => {
  expect([0, 1, 9_999].map(partNumberOf)).toEqual([1, 2, 10_000])
})
