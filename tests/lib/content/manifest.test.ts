import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Chunks, chunkFile } from '../../../lib/content/chunk.ts'
import { averageBytesOf, chunkSizesOf } from '../../../lib/content/chunk-sizes.ts'
import { decodeManifest } from '../../../lib/content/decode-manifest.ts'
import { encodeManifest } from '../../../lib/content/encode-manifest.ts'
import { FILE_BYTES_MAX, layoutOf } from '../../../lib/content/layout.ts'
import { manifestBytesMax } from '../../../lib/content/manifest-format.ts'
import { madeUpBytes, madeUpNumbers } from './made-up-bytes.ts'

const MIB = 1024 * 1024
const HEX = createHash('sha256').update('some content').digest('hex')
const vectors = JSON.parse(readFileSync('docs/chunking-vectors.json', 'utf8'))

const smallLists = fc
  .tuple(fc.nat({ max: 8 * MIB }), fc.integer())
  .map(([fileSize, seed]) => madeUpChunks(fileSize, seed))

test('the published manifests are what this code writes and reads', async () => {
  let compared = 0
  for (const { fileSize, seed, fileHash, manifest } of vectors.generatedFiles) {
    if (manifest === undefined) continue
    const bytes = seed === 0 ? new Uint8Array(fileSize) : madeUpBytes(fileSize, seed)
    const chunks = await chunkFile([bytes], { fileSize })
    expect(toHex(await encodeManifest({ fileHash, chunks }))).toBe(manifest)
    expect(await decodeManifest(fromHex(manifest))).toEqual({ fileHash, chunks })
    compared += 1
  }
  expect(compared).toBeGreaterThan(5)
})

test('what was written is read again', async () => {
  const survives = fc.asyncProperty(smallLists, async (chunks) => {
    const manifest = { fileHash: fileHashFor(chunks.fileSize), chunks }
    expect(await decodeManifest(await encoded(chunks))).toEqual(manifest)
  })
  await fc.assert(survives, { numRuns: 100 })
})

test('a manifest never has more than a thousandth of the file, or 4 KiB, from one byte to 5 TiB', () => {
  const sizes = fc.oneof(
    fc.integer({ min: 16 * MIB, max: FILE_BYTES_MAX }),
    fc.integer({ min: 1, max: 32 * MIB }),
    fc
      .tuple(fc.integer({ min: 0, max: 42 }), fc.integer({ min: -1, max: 1 }))
      .map(([bits, step]) => Math.max(1, 2 ** bits + step)),
  )
  const bounded = fc.property(sizes, (fileSize) => {
    const bound = manifestBytesMax(fileSize)
    expect(bound).toBeLessThanOrEqual(Math.max(4096, fileSize / 1000))
    expect(worstBytes(fileSize)).toBeLessThanOrEqual(bound)
  })
  fc.assert(bounded, { numRuns: 3000 })
})

test('manifests of the shortest chunks there can be are within the bound', async () => {
  for (const fileSize of [4_096_000, 16 * MIB + 1, 256 * MIB]) {
    for (const more of [0, 128]) {
      const chunks = evenChunks(fileSize, more)
      const bytes = await encoded(chunks)
      expect(bytes.length).toBeLessThanOrEqual(worstBytes(fileSize))
      expect((await decodeManifest(bytes))?.chunks.ids.length).toBe(chunks.ids.length)
    }
  }
})

test('a manifest that lacks bytes, has more or has one changed is ignored', async () => {
  const bytes = await encoded(madeUpChunks(100_000, 1))
  expect(await decodeManifest(bytes)).not.toBe(null)
  for (let end = 0; end < bytes.length; end++) {
    expect(await decodeManifest(bytes.slice(0, end))).toBe(null)
  }
  expect(await decodeManifest(Uint8Array.from([...bytes, 0]))).toBe(null)
  for (const [at, byte] of bytes.entries()) {
    const changed = Uint8Array.from(bytes)
    changed[at] = byte ^ (1 << (at % 8))
    expect(await decodeManifest(changed)).toBe(null)
  }
})

test('no bytes make the decoder throw, and what it accepts is the one way to write it', async () => {
  const splice = fc.tuple(fc.nat(), fc.nat({ max: 12 }), fc.uint8Array({ maxLength: 12 }))
  const mutated = fc
    .tuple(smallLists, fc.array(splice, { minLength: 1, maxLength: 4 }))
    .map(([chunks, splices]) => ({ chunks, splices }))
  const strict = fc.asyncProperty(mutated, async ({ chunks, splices }) => {
    const body = [...(await encoded(chunks))].slice(0, -8)
    for (const [at, removed, added] of splices) body.splice(at % body.length, removed, ...added)
    await expectStrict(sealed(body))
  })
  await fc.assert(strict, { numRuns: 300 })
  const garbage = fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
    await expectStrict(Uint8Array.from(bytes))
    const withHeader = [0x4a, 0x43, 0x4d, 0x31, 0, 0, ...bytes]
    await expectStrict(sealed(withHeader))
  })
  await fc.assert(garbage, { numRuns: 500 })
})

test('a manifest that claims more chunks or bytes than it can have is refused before it is worked on', async () => {
  const body = [...(await encoded(madeUpChunks(400_000, 2)))].slice(0, -8)
  expect(await decodeManifest(sealed([...body.slice(0, 42), 255, 255, 255, 255]))).toBe(null)
  const tooLarge = [...body]
  tooLarge.fill(255, 4, 10)
  expect(await decodeManifest(sealed(tooLarge))).toBe(null)
  const long = new Uint8Array(64 * MIB)
  long.set(body)
  // The quickest of five: a pause of the machine is not what is looked for.
  const took: number[] = []
  for (let run = 0; run < 5; run++) {
    const begun = performance.now()
    expect(await decodeManifest(long)).toBe(null)
    took.push(performance.now() - begun)
  }
  expect(Math.min(...took)).toBeLessThan(20)
})

test('lengths and ends that no chunker makes are refused', async () => {
  const { minBytes, maxBytes } = chunkSizesOf(averageBytesOf(0))
  const twoChunks = (first: number, fileSize: number) =>
    encoded(listOf(fileSize, [first, fileSize - first]))
  expect(await decodeManifest(await twoChunks(minBytes, minBytes + 1))).not.toBe(null)
  expect(await decodeManifest(await twoChunks(maxBytes, maxBytes * 2))).not.toBe(null)
  expect(await decodeManifest(await twoChunks(maxBytes + 1, maxBytes * 2))).toBe(null)
  expect(await decodeManifest(await twoChunks(minBytes, minBytes + maxBytes + 1))).toBe(null)
  expect(await decodeManifest(await twoChunks(minBytes, minBytes))).toBe(null)
})

test('a length that could have been written shorter is refused', async () => {
  const { minBytes } = chunkSizesOf(averageBytesOf(0))
  const body = [...(await encoded(listOf(minBytes * 2, [minBytes, minBytes])))].slice(0, -8)
  expect(body[46]).toBe(0)
  expect(await decodeManifest(sealed(body))).not.toBe(null)
  expect(await decodeManifest(sealed(body.toSpliced(46, 1, 128, 0)))).toBe(null)
})

test('a content id that does not fit the size, and chunks of another average, are not written', async () => {
  const chunks = madeUpChunks(100_000, 3)
  for (const fileHash of [`sha256:${HEX}-2`, HEX, '']) {
    await expect(encodeManifest({ fileHash, chunks })).rejects.toThrow(RangeError)
  }
  const other = { fileHash: `sha256:${HEX}`, chunks: { ...chunks, averageBytes: 32 * 1024 } }
  await expect(encodeManifest(other)).rejects.toThrow(RangeError)
})

async function expectStrict(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const manifest = await decodeManifest(bytes)
  if (manifest === null) return
  expect(toHex(await encodeManifest(manifest))).toBe(toHex(bytes))
}

/** The longest manifest: the shortest lengths that need one, two, three or four bytes are the densest there are. */
function worstBytes(fileSize: number): number {
  const { minBytes, maxBytes } = chunkSizesOf(averageBytesOf(fileSize))
  const totals = [0, 7, 14, 21].map((bits, index) => {
    const length = Math.min(maxBytes, minBytes + (bits === 0 ? 0 : 2 ** bits))
    const count = Math.ceil(fileSize / length)
    return 46 + count * 6 + (count - 1) * (index + 1) + 8
  })
  return Math.max(...totals)
}

function evenChunks(fileSize: number, more: number): Chunks {
  const { minBytes } = chunkSizesOf(averageBytesOf(fileSize))
  const length = minBytes + more
  const lengths = Array(Math.floor((fileSize - 1) / length)).fill(length)
  return listOf(fileSize, [...lengths, fileSize - lengths.length * length])
}

function madeUpChunks(fileSize: number, seed: number): Chunks {
  const below = madeUpNumbers(seed)
  const { minBytes, maxBytes } = chunkSizesOf(averageBytesOf(fileSize))
  const lengths = []
  let rest = fileSize
  while (rest > minBytes) {
    const length = Math.min(
      rest,
      minBytes + below([2, 200, 20_000, maxBytes - minBytes + 1][below(4)] ?? 1),
    )
    lengths.push(length)
    rest -= length
  }
  return listOf(fileSize, rest > 0 ? [...lengths, rest] : lengths)
}

function listOf(fileSize: number, lengths: number[]): Chunks {
  const below = madeUpNumbers(lengths.length)
  const offsets = new Float64Array(lengths.length + 1)
  for (const [index, length] of lengths.entries()) {
    offsets[index + 1] = (offsets[index] ?? 0) + length
  }
  const ids = Float64Array.from(lengths, () => below(2 ** 16) * 2 ** 32 + below(2 ** 32))
  return { fileSize, averageBytes: averageBytesOf(fileSize), offsets, ids }
}

function fileHashFor(fileSize: number): string {
  const { partCount } = layoutOf(fileSize)
  return partCount === 1 ? `sha256:${HEX}` : `sha256:${HEX}-${partCount}`
}

async function encoded(chunks: Chunks): Promise<Uint8Array<ArrayBuffer>> {
  const fileHash = fileHashFor(chunks.fileSize)
  return new Uint8Array(await encodeManifest({ fileHash, chunks }))
}

function sealed(body: number[]): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(body)
  return Uint8Array.from([...bytes, ...createHash('sha256').update(bytes).digest().subarray(0, 8)])
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}
