import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FILE_BYTES_MAX } from '../../../lib/content/layout.ts'
import { SAMPLE_BYTES, STRATA, sampleOf } from '../../../lib/possession/sample.ts'

const MIB = 1024 * 1024

const strata = (fileSize: number) =>
  Array.from({ length: STRATA }, (_, n) => Math.floor((fileSize * n) / STRATA))

test('up to 8 MiB every byte is asked for, once and in order', () => {
  for (const fileSize of [MIB + 1, 2 * MIB, 5 * MIB - 1, 8 * MIB]) {
    let next = 0
    for (const [offset, length] of sampleOf(fileSize, randomBytes(32))) {
      expect(offset).toBe(next)
      expect(length).toBeGreaterThan(0)
      next += length
    }
    expect(next).toBe(fileSize)
  }
})

test('above 8 MiB each stratum is asked for one range that lies inside it, and then the end of the file', () => {
  const size = fc.oneof(
    fc.integer({ min: 8 * MIB + 1, max: 20 * MIB }),
    fc.integer({ min: 8 * MIB + 1, max: FILE_BYTES_MAX }),
  )
  fc.assert(
    fc.property(size, fc.uint8Array({ minLength: 32, maxLength: 32 }), (fileSize, seed) => {
      const ranges = sampleOf(fileSize, seed)
      const bounds = [...strata(fileSize), fileSize]
      expect(ranges).toHaveLength(STRATA + 1)
      for (const [n, [offset, length]] of ranges.slice(0, STRATA).entries()) {
        expect(length).toBe(SAMPLE_BYTES)
        expect(offset).toBeGreaterThanOrEqual(bounds[n] ?? 0)
        expect(offset + length).toBeLessThanOrEqual(bounds[n + 1] ?? 0)
      }
      expect(ranges.at(-1)).toEqual([fileSize - SAMPLE_BYTES, SAMPLE_BYTES])
    }),
  )
})

test('the same seed gives the same ranges, and another one others', () => {
  const [one, other] = [randomBytes(32), randomBytes(32)]
  expect(sampleOf(64 * MIB, one)).toEqual(sampleOf(64 * MIB, one))
  expect(sampleOf(64 * MIB, one)).not.toEqual(sampleOf(64 * MIB, other))
})

test('a range may begin anywhere in its stratum: the first tenth, the middle and the last tenth alike', () => {
  const fileSize = 1024 * MIB
  const width = fileSize / STRATA - SAMPLE_BYTES
  const tenths = new Array(10).fill(0)
  for (let n = 0; n < 100; n++) {
    const bounds = strata(fileSize)
    for (const [k, [offset]] of sampleOf(fileSize, randomBytes(32)).slice(0, -1).entries())
      tenths[Math.min(9, Math.floor((10 * (offset - (bounds[k] ?? 0))) / width))] += 1
  }
  // 25,600 draws: 2,560 each, standard deviation 48.
  for (const count of tenths) expect(Math.abs(count - 2_560)).toBeLessThan(6 * 48)
})

/** How many of `tries` challenges somebody passes who has the bytes for which `has` says so. */
function passes(fileSize: number, tries: number, has: (offset: number, length: number) => boolean) {
  let passed = 0
  for (let n = 0; n < tries; n++) {
    const ranges = sampleOf(fileSize, randomBytes(32))
    if (ranges.every(([offset, length]) => has(offset, length))) passed += 1
  }
  return passed
}

test('whoever lacks a contiguous 0.8 % of the file never passes', () => {
  const fileSize = 100 * MIB
  const gap = Math.ceil((2 * fileSize) / STRATA)
  for (const start of [0, 12_345_678, fileSize - gap]) {
    const has = (offset: number, length: number) =>
      offset + length <= start || offset >= start + gap
    expect(passes(fileSize, 200, has)).toBe(0)
  }
})

test('whoever has 95 % of the bytes in blocks passes once in a thousand at most, and whoever has half never', () => {
  const fileSize = 256 * MIB
  const BLOCK = SAMPLE_BYTES
  for (const [share, most] of [
    [0.95, 1],
    [0.5, 0],
  ] as const) {
    const known = Array.from({ length: fileSize / BLOCK }, () => Math.random() < share)
    // Kind to the cheat: half a range is guessed.
    const has = (offset: number) => known[Math.floor(offset / BLOCK)] ?? false
    expect(passes(fileSize, 1_000, has)).toBeLessThanOrEqual(most)
  }
})

test('no stratum is safe to lack, the last one neither: whoever lacks half of one passes about half the times', () => {
  const fileSize = 256 * MIB
  for (const stratum of [0, 100, STRATA - 1]) {
    const [start, end] = [stratum * MIB, stratum * MIB + MIB / 2]
    const has = (offset: number, length: number) => offset + length <= start || offset >= end
    // Binomial: mean 484 or 500 of 1,000, standard deviation 16.
    expect(passes(fileSize, 1_000, has)).toBeLessThan(600)
  }
})
