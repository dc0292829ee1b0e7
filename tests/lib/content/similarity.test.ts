import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BANDS, bandsOf } from '../../../lib/content/bands.ts'
import { type Chunks, chunkFile } from '../../../lib/content/chunk.ts'
import { BINS, similarity, sketchOf } from '../../../lib/content/sketch.ts'
import { madeUpBytes } from './made-up-bytes.ts'
import { madeUpMember, sharedExactly } from './made-up-family.ts'

const PAIRS = 150
const vectors = JSON.parse(readFileSync('docs/chunking-vectors.json', 'utf8'))

test('the published files have the published sketches and bands', async () => {
  let compared = 0
  for (const { fileSize, seed, sketch, bands } of vectors.generatedFiles) {
    if (sketch === undefined) continue
    const bytes = seed === 0 ? new Uint8Array(fileSize) : madeUpBytes(fileSize, seed)
    const { distinctBytes, bins, ...rest } = sketchOf(await chunkFile([bytes], { fileSize }))
    expect({ distinctBytes, bins: Buffer.from(bins).toString('hex') }).toEqual(sketch)
    expect(bandsOf({ distinctBytes, bins, ...rest })).toEqual(bands)
    compared += 1
  }
  expect(compared).toBeGreaterThan(5)
})

test('the estimate is right on average, and its error is the stated one at every share', () => {
  for (const share of [0, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99]) {
    const errors = pairs(share, 2000).map(
      ([a, b]) => similarity(sketchOf(a), sketchOf(b)) - sharedExactly(a, b),
    )
    const mean = errors.reduce((sum, error) => sum + error, 0) / PAIRS
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / PAIRS)
    expect(deviation, `deviation at ${share}`).toBeLessThan(0.025)
    expect(Math.abs(mean), `mean at ${share}`).toBeLessThan(0.006)
    if (share >= 0.95) expect(deviation, `deviation at ${share}`).toBeLessThan(0.0075)
  }
})

test('a file that grew by a twentieth shares 95 % of the larger one', () => {
  const shares = Array.from({ length: 40 }, (_, family) => {
    const [old, grown] = [
      madeUpMember(family, 1, { count: 1900, kept: 1900 }),
      madeUpMember(family, 2, { count: 2000, kept: 1900 }),
    ]
    return similarity(sketchOf(old), sketchOf(grown))
  })
  expect(shares.reduce((sum, share) => sum + share, 0) / shares.length).toBeCloseTo(0.95, 2)
})

test('however alike the chunks are, files share no more than the smaller one has', () => {
  const sketch = sketchOf(madeUpMember(6, 1, { count: 700, kept: 700 }))
  const half = { ...sketch, distinctBytes: sketch.distinctBytes / 2 }
  expect(similarity(sketch, half)).toBe(0.5)
  expect(similarity(half, sketch)).toBe(0.5)
})

test('a file is entirely like itself, in whatever order its chunks stand and however often', () => {
  const chunks = madeUpMember(1, 1, { count: 700, kept: 700 })
  const sketch = sketchOf(chunks)
  const twice = sketchOf(listOf([...entriesOf(chunks), ...entriesOf(chunks).reverse()]))
  expect(twice).toEqual(sketch)
  expect(similarity(sketch, twice)).toBe(1)
  expect(bandsOf(twice)).toEqual(bandsOf(sketch))
})

test('similarity does not depend on which file is named first', () => {
  for (const [a, b] of pairs(0.7, 300)) {
    const [one, other] = [sketchOf(a), sketchOf(b)]
    expect(similarity(one, other)).toBe(similarity(other, one))
  }
})

test('files of a handful of chunks compare, too', () => {
  for (const count of [1, 2, 5, 20]) {
    const [a, b] = [1, 2].map((member) => madeUpMember(3, member, { count, kept: count }))
    const other = madeUpMember(4, 1, { count, kept: count })
    if (a === undefined || b === undefined) throw new Error('no files')
    expect(similarity(sketchOf(a), sketchOf(b))).toBe(1)
    expect(bandsOf(sketchOf(a))).toEqual(bandsOf(sketchOf(b)))
    expect(similarity(sketchOf(a), sketchOf(other))).toBeLessThan(0.2)
  }
})

test('an empty file is like nothing, and averages that differ do not compare', () => {
  const empty = sketchOf(listOf([]))
  const some = sketchOf(madeUpMember(5, 1, { count: 100, kept: 100 }))
  expect(bandsOf(empty)).toEqual([])
  expect(similarity(empty, some)).toBe(0)
  expect(similarity(empty, empty)).toBe(0)
  expect(similarity(some, { ...some, averageBytes: 32 * 1024 })).toBe(0)
})

test('of files that are 95 % the same practically all meet in a band, of unrelated ones none', () => {
  const meeting = (share: number) =>
    pairs(share, 1000).filter(([a, b]) => {
      const bands = new Set(bandsOf(sketchOf(a)))
      return bandsOf(sketchOf(b)).some((band) => bands.has(band))
    }).length
  expect(meeting(0.95)).toBeGreaterThanOrEqual(PAIRS - 1)
  expect(meeting(0.5)).toBeLessThan(PAIRS / 4)
  expect(meeting(0)).toBe(0)
})

test('bands are 32-bit signed integers, and no integer stands for two bands', () => {
  const flat = { averageBytes: 16 * 1024, distinctBytes: 1, bins: new Uint8Array(BINS).fill(7) }
  expect(new Set(bandsOf(flat)).size).toBe(BANDS)
  for (const [chunks] of pairs(0.5, 100)) {
    const bands = bandsOf(sketchOf(chunks))
    expect(bands).toHaveLength(BANDS)
    expect(bands.map((band) => band | 0)).toEqual(bands)
  }
})

function pairs(share: number, count: number): [Chunks, Chunks][] {
  const size = { count, kept: Math.round(count * share) }
  return Array.from({ length: PAIRS }, (_, family) => [
    madeUpMember(family, 1, size),
    madeUpMember(family, 2, size),
  ])
}

function entriesOf({ ids, offsets }: Chunks): [number, number][] {
  return Array.from(ids, (id, index) => [id, (offsets[index + 1] ?? 0) - (offsets[index] ?? 0)])
}

function listOf(entries: [number, number][]): Chunks {
  const offsets = new Float64Array(entries.length + 1)
  for (const [index, [, length]] of entries.entries()) {
    offsets[index + 1] = (offsets[index] ?? 0) + length
  }
  const ids = Float64Array.from(entries, ([id]) => id)
  return { fileSize: offsets.at(-1) ?? 0, averageBytes: 16 * 1024, offsets, ids }
}
