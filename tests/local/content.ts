import { createHash, randomBytes } from 'node:crypto'
import { contentIdOf } from '../../lib/content/content-id.ts'
import { layoutOf, partRange } from '../../lib/content/layout.ts'

/** Bytes of a test with what a client knows of them. */
export type TestContent = {
  bytes: Buffer
  fileSize: number
  fileHash: string
  partHashes: string[]
  partMd5s: string[]
}

/** New random content, so that no other test has it. */
export async function aContent(fileSize: number): Promise<TestContent> {
  return await contentOfBytes(randomBytes(fileSize))
}

export async function contentOfBytes(bytes: Buffer): Promise<TestContent> {
  const parts = partsOf(bytes)
  const digests = parts.map((part) => createHash('sha256').update(part).digest())
  return {
    bytes,
    fileSize: bytes.length,
    fileHash: await contentIdOf(digests),
    partHashes: digests.map((digest) => digest.toString('base64')),
    // Few tests look at them, and they cost more than all the rest.
    get partMd5s() {
      return parts.map((part) => createHash('md5').update(part).digest('base64'))
    },
  }
}

/** One part of a content, by its number. */
export function partOf({ bytes }: TestContent, partNumber: number): Buffer {
  return partsOf(bytes)[partNumber - 1] ?? Buffer.alloc(0)
}

function partsOf(bytes: Buffer): Buffer[] {
  const layout = layoutOf(bytes.length)
  return Array.from({ length: layout.partCount }, (_, index) => {
    const { offset, length } = partRange(layout, index + 1)
    return bytes.subarray(offset, offset + length)
  })
}
