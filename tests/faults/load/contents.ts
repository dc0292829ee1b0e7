import { createHash, randomBytes } from 'node:crypto'
import { contentIdOf } from '../../../lib/content/content-id.ts'
import { layoutOf, partRange } from '../../../lib/content/layout.ts'
import type { Random } from './random.ts'

const KIB = 1024
const MIB = 1024 * KIB
const NONCE_BYTES = 16
/** Four parts, the smallest number of bytes that has several. */
const LARGE_BYTES = 17 * MIB
const SHARED_SIZES = [0, 1, 700, 5 * KIB, 5 * KIB, 40 * KIB, 200 * KIB, MIB, 3 * MIB]
const LARGE_COUNT = 3

/** What a client knows of a file's bytes. They are 16 of their own and then a block that all contents begin. */
export type Content = {
  nonce: Buffer
  fileSize: number
  fileHash: string
  partHashes: string[]
}

/** The contents of one run, by their content id, so that what is downloaded can be compared. */
export type Library = {
  /** A content nobody has had before: mostly some KiB, now and then some MiB. */
  fresh(random: Random): Promise<Content>
  /** A content nobody has had before, of some MiB: a few of them fill an account. */
  big(random: Random): Promise<Content>
  /** One of a few that everybody uploads again and again. */
  shared(random: Random): Content
  /** One of a few of several parts. */
  large(random: Random): Content
  /** Whether these bytes are what the content id names. */
  isThe(bytes: Buffer, fileHash: string, fileSize: number): boolean
}

const block = randomBytes(LARGE_BYTES)

export async function openLibrary(): Promise<Library> {
  const byId = new Map<string, Content>()
  const add = async (fileSize: number): Promise<Content> => {
    const content = await contentOf(randomBytes(NONCE_BYTES), fileSize)
    byId.set(idOf(content), content)
    return content
  }
  const shared = await Promise.all(SHARED_SIZES.map(add))
  const large = await Promise.all(Array.from({ length: LARGE_COUNT }, () => add(LARGE_BYTES)))
  return {
    fresh: (random) => add(freshSize(random)),
    big: (random) => add(3 * MIB + random.below(5 * MIB)),
    shared: (random) => random.pick(shared) ?? nothing(),
    large: (random) => random.pick(large) ?? nothing(),
    isThe(bytes, fileHash, fileSize) {
      const content = byId.get(idOf({ fileHash, fileSize }))
      return content !== undefined && bytes.equals(wholeOf(content))
    },
  }
}

/** The bytes of one part, without a copy where possible. */
export function partBytes({ nonce, fileSize }: Content, partNumber: number): Buffer {
  const { offset, length } = partRange(layoutOf(fileSize), partNumber)
  if (offset > 0) return block.subarray(offset - NONCE_BYTES, offset - NONCE_BYTES + length)
  if (length <= NONCE_BYTES) return nonce.subarray(0, length)
  return Buffer.concat([nonce, block.subarray(0, length - NONCE_BYTES)])
}

function wholeOf(content: Content): Buffer {
  return Buffer.concat(content.partHashes.map((_, index) => partBytes(content, index + 1)))
}

async function contentOf(nonce: Buffer, fileSize: number): Promise<Content> {
  const unnamed = { nonce, fileSize, fileHash: '', partHashes: [] }
  const { partCount } = layoutOf(fileSize)
  const digests = Array.from({ length: partCount }, (_, index) =>
    createHash('sha256')
      .update(partBytes(unnamed, index + 1))
      .digest(),
  )
  return {
    nonce,
    fileSize,
    fileHash: await contentIdOf(digests),
    partHashes: digests.map((digest) => digest.toString('base64')),
  }
}

function freshSize(random: Random): number {
  if (random.chance(0.04)) return MIB + random.below(3 * MIB)
  return NONCE_BYTES + random.below(random.chance(0.2) ? 200 * KIB : 16 * KIB)
}

function idOf({ fileHash, fileSize }: { fileHash: string; fileSize: number }): string {
  return `${fileHash} ${fileSize}`
}

function nothing(): never {
  throw new RangeError('the library is empty')
}
