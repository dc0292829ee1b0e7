import { createHash, randomBytes } from 'node:crypto'
import { type Chunks, chunkFile } from '../../lib/content/chunk.ts'
import { chunkSizesOf } from '../../lib/content/chunk-sizes.ts'
import { createCutter } from '../../lib/content/cut.js'
import { decodeManifest } from '../../lib/content/decode-manifest.ts'
import { encodeManifest } from '../../lib/content/encode-manifest.ts'
import { layoutOf } from '../../lib/content/layout.ts'
import { planDelta } from '../../lib/content/plan-delta.ts'
import { sketchOf } from '../../lib/content/sketch.ts'
import { inChromium } from './chunking-in-chromium.ts'

const FILE_BYTES = 256 * 1024 * 1024
const SLICE_BYTES = 1024 * 1024
const REPEATS = 5
const MANY_CHUNKS = 1e6

type Row = {
  work: string
  'MB/s': number | string
  'MB per CPU second': number | string
  ms: number
}

/**
 * 256 MiB in memory on one core, in slices of 1 MiB: where chunks end, and their ids; then what follows for a file of a
 * million chunks (17.6 GB of random bytes). The best of five runs. The CPU second is what other work on the machine leaves alone.
 */
export async function benchChunking(): Promise<Row[]> {
  const random = new Uint8Array(randomBytes(FILE_BYTES))
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
  const chunk = (hash?: typeof digest) =>
    chunkFile(slicesOf(random), { fileSize: FILE_BYTES, digest: hash })
  const [base, file] = [manyChunks(0), manyChunks(5000)]
  const fileHash = `sha256:${'0'.repeat(64)}-${layoutOf(base.fileSize).partCount}`
  const manifest = new Uint8Array(await encodeManifest({ fileHash, chunks: base }))
  return [
    await measure('ends of chunks', FILE_BYTES, async () => cutAll(random)),
    await measure('ends of chunks, all zeros', FILE_BYTES, async () =>
      cutAll(new Uint8Array(FILE_BYTES)),
    ),
    await measure('SHA-256 of the whole', FILE_BYTES, async () => digest(random)),
    await measure('ends and ids, node:crypto', FILE_BYTES, () => chunk(digest)),
    await measure('ends and ids, WebCrypto', FILE_BYTES, () => chunk()),
    ...(await inChromium()),
    await measure('a million chunks: write a manifest', 0, () =>
      encodeManifest({ fileHash, chunks: base }),
    ),
    await measure('a million chunks: read it', 0, () => decodeManifest(manifest)),
    await measure('a million chunks: plan, 200 edits', 0, async () => planDelta(base, file)),
    await measure('a million chunks: sketch', 0, async () => sketchOf(base)),
  ]
}

async function measure(work: string, bytes: number, act: () => Promise<unknown>): Promise<Row> {
  let [fastestMs, leastCpuMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const [cpu, begun] = [process.cpuUsage(), performance.now()]
    await act()
    fastestMs = Math.min(fastestMs, performance.now() - begun)
    const { user, system } = process.cpuUsage(cpu)
    leastCpuMs = Math.min(leastCpuMs, (user + system) / 1000)
  }
  const rate = (ms: number) => (bytes === 0 ? '-' : Math.round(bytes / 1000 / ms))
  return {
    work,
    'MB/s': rate(fastestMs),
    'MB per CPU second': rate(leastCpuMs),
    ms: Math.round(fastestMs),
  }
}

function cutAll(bytes: Uint8Array<ArrayBuffer>): number {
  const cutter = createCutter(chunkSizesOf(16 * 1024))
  let count = 0
  for (const slice of slicesOf(bytes)) {
    for (let end = cutter.next(slice, 0); end > 0; end = cutter.next(slice, end)) count += 1
  }
  return count
}

function* slicesOf(bytes: Uint8Array<ArrayBuffer>) {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES)
}

/** Every so many chunks one that no other file has; 0 for none. Ids as random as a digest's. */
function manyChunks(every: number): Chunks {
  const words = new Uint32Array(randomSame.buffer)
  const offsets = new Float64Array(MANY_CHUNKS + 1)
  const ids = new Float64Array(MANY_CHUNKS)
  for (let index = 0; index < MANY_CHUNKS; index++) {
    const [high = 0, low = 0] = [words[index * 2], words[index * 2 + 1]]
    ids[index] = every > 0 && index % every === 0 ? index : (high >>> 16) * 2 ** 32 + low
    offsets[index + 1] = (offsets[index] ?? 0) + 16 * 1024 + (high & 4095)
  }
  const fileSize = offsets[MANY_CHUNKS] ?? 0
  return { fileSize, averageBytes: 32 * 1024, offsets, ids }
}

const randomSame = new Uint8Array(randomBytes(MANY_CHUNKS * 8))
