import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { BINS, type Sketch, similarity } from '../../../lib/content/sketch.ts'
import { rankSimilar, tells } from '../../../lib/similar/rank.ts'
import { aSketch } from '../../local/sketches.ts'

/** A row as `similarStatement` gives it; `files` by path. */
function aRow(sketch: Sketch, fileHash: string, files: Record<string, string> = { a: 'a' }) {
  return {
    id: randomUUID(),
    file_hash: fileHash,
    file_size: '17000000',
    storage_key: `users/u/${fileHash}`,
    manifest_bytes: '7000',
    average_bytes: sketch.averageBytes,
    distinct_bytes: `${sketch.distinctBytes}`,
    bins: Buffer.from(sketch.bins),
    files,
  }
}

const of = (member: number, share: number) => aSketch(1, member, { share }).sketch
const bare = (filled: number): Sketch => ({
  averageBytes: 16384,
  distinctBytes: 20_000 * filled,
  bins: Uint8Array.from({ length: BINS }, (_, bin) => (bin < filled ? 7 : 0)),
})

test('the most alike come first, those below the threshold not at all', () => {
  const own = of(1, 0.99)
  const rows = [aRow(of(2, 0.8), 'far'), aRow(of(3, 0.99), 'near'), aRow(of(4, 0.9), 'middle')]
  const hashes = (threshold: number) =>
    rankSimilar(rows, own, threshold).map(({ fileHash }) => fileHash)
  expect(hashes(0.5)).toEqual(['near', 'middle', 'far'])
  expect(hashes(0.85)).toEqual(['near', 'middle'])
  expect(hashes(1)).toEqual([])
})

test('a content comes with its files by path, the place of its bytes, and its share in four digits', () => {
  const other = of(2, 0.97)
  const files = { f2: 'z', f1: 'a' }
  const [first] = rankSimilar([aRow(other, 'h', files)], of(1, 0.97), 0.5)
  expect(first).toEqual({
    blobId: expect.any(String),
    fileHash: 'h',
    fileSize: 17_000_000,
    storageKey: 'users/u/h',
    manifestBytes: 7000,
    similarity: Number(similarity(of(1, 0.97), other).toFixed(4)),
    files: [
      { fileId: 'f1', path: 'a' },
      { fileId: 'f2', path: 'z' },
    ],
  })
})

test('a share that only rounds up to the threshold is below it', () => {
  const [own, other] = [of(1, 0.97), of(2, 0.97)]
  const exact = similarity(own, other)
  expect(rankSimilar([aRow(other, 'h')], own, exact)).toHaveLength(1)
  expect(rankSimilar([aRow(other, 'h')], own, exact + 1e-9)).toHaveLength(0)
})

test('among equals the content id decides, so that the order is the same each time', () => {
  const own = of(1, 1)
  const rows = ['b', 'c', 'a'].map((hash) => aRow(own, hash))
  expect(rankSimilar(rows, own, 1).map(({ fileHash }) => fileHash)).toEqual(['a', 'b', 'c'])
})

test('two chunks say nothing of either side, three do', () => {
  expect([bare(2), bare(3)].map(tells)).toEqual([false, true])
  expect(rankSimilar([aRow(bare(2), 'h')], bare(2), 0.5)).toEqual([])
  expect(rankSimilar([aRow(bare(3), 'h')], bare(3), 0.5)).toHaveLength(1)
  const [few, more] = [bare(2), { ...bare(3), distinctBytes: 40_000 }]
  expect(similarity(few, more)).toBeGreaterThan(0.5)
  expect(rankSimilar([aRow(few, 'h')], more, 0.5)).toEqual([])
})
