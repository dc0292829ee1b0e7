import { createCipheriv, createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Chunks, chunkFile } from '../../../lib/content/chunk.ts'
import { averageBytesOf } from '../../../lib/content/chunk-sizes.ts'
import { layoutOf, partRange } from '../../../lib/content/layout.ts'
import { manifestBytesMax } from '../../../lib/content/manifest-format.ts'
import { bytesToSend, type PartSource, planDelta } from '../../../lib/content/plan-delta.ts'
import { madeUpNumbers } from './made-up-bytes.ts'

const KIB = 1024
const MIB = 1024 * KIB
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

/** 256 MiB and its chunks: what issue and documentation speak of. */
const base = randomBytes(256 * MIB, 1)
const baseChunks = await chunksOf(base)
const small = base.subarray(0, 24 * MIB)
const smallChunks = await chunksOf(small)

test('an unchanged file is copied whole', () => {
  const sources = planDelta(baseChunks, baseChunks)
  expect(sources).toHaveLength(52)
  expect(bytesToSend(sources)).toBe(0)
  for (const { partNumber, length, baseOffset } of sources) {
    expect({ offset: baseOffset, length }).toEqual(partRange(layoutOf(base.length), partNumber))
  }
})

test('of 256 MiB, one insertion of up to 256 KiB anywhere costs at most 4.2 %', async () => {
  const at = madeUpNumbers(2)(base.length)
  const one = [base.subarray(0, at), randomBytes(1, 3), base.subarray(at)]
  expect(await shareSent(Buffer.concat(one))).toBeLessThanOrEqual(0.042)
  const boundary = 100 * MIB - 5
  const file = [base.subarray(0, boundary), randomBytes(256 * KIB, 4), base.subarray(boundary)]
  expect(await shareSent(Buffer.concat(file))).toBeLessThanOrEqual(0.042)
}, 60_000)

test('3 MiB appended to 256 MiB cost at most 4.2 %', async () => {
  expect(await shareSent(Buffer.concat([base, randomBytes(3 * MIB, 5)]))).toBeLessThanOrEqual(0.042)
}, 30_000)

test('10 scattered edits of up to 4 KiB in 256 MiB cost at most 22 %', async () => {
  const below = madeUpNumbers(1)
  const file = Buffer.from(base)
  for (let edit = 0; edit < 10; edit++) {
    const at = edit * 25 * MIB + below(15 * MIB)
    randomBytes(1 + below(4 * KIB), 100 + edit).copy(file, at)
  }
  expect(await shareSent(file)).toBeLessThanOrEqual(0.22)
}, 60_000)

test('what a plan copies is there in the base, byte for byte, and the plan covers the file, after any edits', async () => {
  const edit = fc.record({
    at: fc.nat({ max: small.length }),
    removed: fc.oneof(fc.constant(0), fc.nat({ max: 9000 }), fc.nat({ max: 6 * MIB })),
    inserted: fc.oneof(fc.constant(0), fc.nat({ max: 9000 }), fc.nat({ max: 6 * MIB })),
    from: fc.oneof(fc.constant(-1), fc.nat({ max: 16 * MIB })),
  })
  const right = fc.asyncProperty(fc.array(edit, { maxLength: 4 }), async (edits) => {
    let file = small
    for (const { at, removed, inserted, from } of edits) {
      const other = from < 0 ? randomBytes(inserted, at) : small.subarray(from, from + inserted)
      file = Buffer.concat([file.subarray(0, at), other, file.subarray(at + removed)])
    }
    const sources = planDelta(smallChunks, await chunksOf(file))
    expectRight(small, file, sources)
  })
  await fc.assert(right, { numRuns: 12 })
}, 60_000)

test('a part that begins and ends within chunks is copied from any byte offset', async () => {
  const file = Buffer.concat([randomBytes(12_345, 6), small])
  const sources = planDelta(smallChunks, await chunksOf(file))
  expectRight(small, file, sources)
  expect(sources.map(({ baseOffset }) => baseOffset)).toEqual([
    null,
    ...[1, 2, 3, 4].map((part) => part * 5 * MIB - 12_345),
  ])
})

test('parts that moved are found where they went, and zeros where the base has enough of them', async () => {
  const zeros = Buffer.alloc(8 * MIB)
  const [a, b] = [small.subarray(0, 11 * MIB), small.subarray(11 * MIB)]
  const from = Buffer.concat([a, Buffer.alloc(MIB), b, zeros, b.subarray(0, 100_000)])
  const to = Buffer.concat([b, zeros, zeros, a])
  const sources = planDelta(await chunksOf(from), await chunksOf(to))
  expectRight(from, to, sources)
  // The first and the last part have a chunk that ends with the file, which is tried; the sixth holds a seam.
  const named = (isSure: boolean) =>
    sources.filter((one) => one.baseOffset !== null && one.isSure === isSure)
  expect(named(true).map(({ partNumber }) => partNumber)).toEqual([2, 3, 4, 5, 7])
  expect(named(false).map(({ partNumber }) => partNumber)).toEqual([1, 8])
  for (const source of named(false)) expect(isRight(source, from, to)).toBe(true)
})

test('an edit just before the end of a part leaves the next part to be copied, on trial', async () => {
  const end = 10 * MIB
  const file = Buffer.from(small)
  randomBytes(1000, 8).copy(file, end - 1000)
  const sources = planDelta(smallChunks, await chunksOf(file))
  expect(sources.map(({ isSure }) => isSure)).toEqual([true, false, false, true, true])
  expect(sources[2]).toMatchObject({ partNumber: 3, baseOffset: end })
  expect(sources.map((source) => isRight(source, small, file))).toEqual([
    true,
    false,
    true,
    true,
    true,
  ])
})

test('nothing is tried for a change further inside, or beyond the ends of the base', async () => {
  for (const at of [10 * MIB + 200 * KIB, 15 * MIB - 200 * KIB, 12 * MIB]) {
    const file = Buffer.from(small)
    randomBytes(1000, 9).copy(file, at)
    const sources = planDelta(smallChunks, await chunksOf(file))
    expect(sources.map(({ baseOffset }) => baseOffset === null)).toEqual([
      false,
      false,
      true,
      false,
      false,
    ])
  }
  const longer = Buffer.concat([randomBytes(10, 10), small, randomBytes(10, 11)])
  const ends = planDelta(smallChunks, await chunksOf(longer))
  expect([ends[0]?.baseOffset, ends[4]?.baseOffset]).toEqual([null, null])
})

test('nothing is copied for a file of one part, from a base of up to 5 MiB, nor between different averages', async () => {
  const [five, sixteen] = [small.subarray(0, 5 * MIB), small.subarray(0, 16 * MIB)]
  const whole = planDelta(smallChunks, await chunksOf(sixteen))
  expect(whole).toEqual([{ partNumber: 1, length: 16 * MIB, baseOffset: null, isSure: false }])
  expect(bytesToSend(planDelta(await chunksOf(five), smallChunks))).toBe(small.length)
  const bit = await chunksOf(small.subarray(0, 5 * MIB + 200_000))
  expect(bytesToSend(planDelta(bit, smallChunks))).toBeLessThan(small.length)
  const coarse = await chunksOf(small, 32 * KIB)
  expect(bytesToSend(planDelta(coarse, smallChunks))).toBe(small.length)
  expect(bytesToSend(planDelta(coarse, coarse))).toBe(0)
})

test('equal ids of chunks with other lengths are not the same bytes', () => {
  const [even, uneven] = [madeUp(2000, (index) => index), madeUp(2000, (index) => index)]
  uneven.offsets[1001] = (uneven.offsets[1001] ?? 0) + 1
  const sent = planDelta(uneven, even).filter(({ baseOffset }) => baseOffset === null)
  expect(sent.map(({ partNumber }) => partNumber)).toEqual([4])
})

test('bounds count to the byte: a base of 5 MiB, a file of 16 MiB, chunks that agree but for their average', () => {
  const file = madeUp(2000, (index) => index)
  const copied = (base: Chunks, of: Chunks) =>
    planDelta(base, of).filter(({ baseOffset }) => baseOffset !== null).length
  expect(
    copied(
      madeUp(320, (index) => index),
      file,
    ),
  ).toBe(0)
  expect(
    copied(
      madeUp(321, (index) => index),
      file,
    ),
  ).toBe(1)
  expect(
    copied(
      file,
      madeUp(1024, (index) => index),
    ),
  ).toBe(0)
  expect(
    copied(
      file,
      madeUp(1025, (index) => index),
    ),
  ).toBe(4)
  expect(copied({ ...file, averageBytes: 32 * KIB }, file)).toBe(0)
})

test('a file and a base of nothing have plans', () => {
  const empty = madeUp(0, () => 0)
  expect(planDelta(empty, empty)).toEqual([
    { partNumber: 1, length: 0, baseOffset: null, isSure: false },
  ])
  expect(bytesToSend(planDelta(empty, smallChunks))).toBe(small.length)
})

test('a million chunks are planned within seconds, whatever their ids are', () => {
  const below = madeUpNumbers(7)
  const ids = Float64Array.from({ length: 1e6 }, () => below(2 ** 16) * 2 ** 32 + below(2 ** 32))
  const distinct = madeUp(1e6, (index) => ids[index] ?? 0)
  const edited = madeUp(1e6, (index) => (index % 5000 === 0 ? -1 : (ids[index] ?? 0)))
  const hostile = madeUp(1e6, (index) => index * 2 ** 27)
  const pairs = [
    [distinct, edited],
    [distinct, madeUp(1e6, (index) => ids[(index * 7919) % 1e6] ?? 0)],
    [madeUp(1e6, () => 5), madeUp(1e6, (index) => (index % 999 === 0 ? 6 : 5))],
    [madeUp(1e6, (index) => index % 2), madeUp(1e6, (index) => index % 3)],
    [hostile, madeUp(1e6, (index) => (1e6 - index) * 2 ** 27)],
    [distinct, madeUp(1e6, (index) => -index)],
  ] as const
  for (const [one, other] of pairs) {
    const begun = performance.now()
    planDelta(one, other)
    expect(performance.now() - begun).toBeLessThan(8_000)
  }
  const sources = planDelta(distinct, edited)
  expect(sources.filter(({ baseOffset }) => baseOffset === null).length).toBeLessThanOrEqual(201)
}, 60_000)

function expectRight(from: Buffer, file: Buffer, sources: PartSource[]): void {
  const layout = layoutOf(file.length)
  expect(sources.map(({ partNumber }) => partNumber)).toEqual(
    Array.from({ length: layout.partCount }, (_, index) => index + 1),
  )
  let offset = 0
  for (const { partNumber, length, baseOffset, isSure } of sources) {
    expect({ offset, length }).toEqual(partRange(layout, partNumber))
    const bytes = file.subarray(offset, offset + length)
    offset += length
    if (baseOffset === null) continue
    expect(baseOffset + length).toBeLessThanOrEqual(from.length)
    if (!isSure) continue
    expect(from.subarray(baseOffset, baseOffset + length).equals(bytes)).toBe(true)
  }
  expect(offset).toBe(file.length)
}

function asSent(source: PartSource): PartSource {
  return { ...source, baseOffset: null }
}

/** Whether a copy would be of the same bytes. */
function isRight({ partNumber, length, baseOffset }: PartSource, from: Buffer, file: Buffer) {
  const { offset } = partRange(layoutOf(file.length), partNumber)
  const part = file.subarray(offset, offset + length)
  return baseOffset !== null && from.subarray(baseOffset, baseOffset + length).equals(part)
}

/** Of the file's bytes, those that have to be sent, and the longest manifest there could be. */
async function shareSent(file: Buffer): Promise<number> {
  const sources = planDelta(baseChunks, await chunksOf(file))
  expectRight(base, file, sources)
  const sent = bytesToSend(sources.filter((source) => !isRight(source, base, file)).map(asSent))
  return (sent + manifestBytesMax(file.length)) / base.length
}

function chunksOf(file: Buffer, averageBytes?: number): Promise<Chunks> {
  return chunkFile([new Uint8Array(file.buffer as ArrayBuffer, file.byteOffset, file.length)], {
    fileSize: file.length,
    averageBytes,
    digest,
  })
}

/** Chunks of 16 KiB each with ids of one's own. */
function madeUp(count: number, idOf: (index: number) => number): Chunks {
  return {
    fileSize: count * 16 * KIB,
    averageBytes: averageBytesOf(count * 16 * KIB),
    offsets: Float64Array.from({ length: count + 1 }, (_, index) => index * 16 * KIB),
    ids: Float64Array.from({ length: count }, (_, index) => idOf(index)),
  }
}

/** The same for the same seed: the key stream of a cipher. */
function randomBytes(length: number, seed: number): Buffer {
  const key = createHash('sha256').update(String(seed)).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}
