import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  compositeOf,
  contentIdFits,
  contentIdOf,
  digestFromBase64,
  digestToBase64,
  parseContentId,
} from '../../../lib/content/content-id.ts'
import { layoutOf, PARTS_MAX, partRange } from '../../../lib/content/layout.ts'

const vectors = JSON.parse(readFileSync('docs/layout-vectors.json', 'utf8'))
const HEX = 'a'.repeat(64)

const digests = fc.uint8Array({ minLength: 32, maxLength: 32 })

test('the published files have the published part digests and content ids', async () => {
  expect(vectors.generatedFiles.length).toBeGreaterThan(5)
  for (const { fileSize, partHashes, fileHash, checksum } of vectors.generatedFiles) {
    const parts = partDigestsOf(generated(fileSize))
    expect(parts.map(digestToBase64)).toEqual(partHashes)
    expect(await contentIdOf(parts)).toBe(fileHash)
    expect(compositeOf(fileHash)).toBe(checksum)
    expect(contentIdFits(fileHash, fileSize)).toBe(true)
  }
})

test('the content id is the composite that Amazon S3 computed for the same parts', async () => {
  for (const { partHashes, fileHash, checksum } of vectors.composites) {
    const parts = partHashes.map((text: string) => digestFromBase64(text))
    expect(await contentIdOf(parts)).toBe(fileHash)
    expect(compositeOf(fileHash)).toBe(checksum)
  }
})

test("a file made of another file's part digests gets no match", async () => {
  const { ofFileSize, ofFileHash, contentBase64, fileSize, fileHash } = vectors.concatenatedDigests
  const forged = Buffer.from(contentBase64, 'base64')
  expect(forged).toEqual(Buffer.concat(partDigestsOf(generated(ofFileSize))))
  expect(await contentIdOf(partDigestsOf(forged))).toBe(fileHash)

  expect(parseContentId(fileHash)?.digest).toBe(parseContentId(ofFileHash)?.digest)
  expect(fileHash).not.toBe(ofFileHash)
  expect(compositeOf(fileHash)).not.toBe(compositeOf(ofFileHash))
  expect(contentIdFits(ofFileHash, fileSize)).toBe(false)
  expect(contentIdFits(fileHash, ofFileSize)).toBe(false)
})

test('an id of several parts never equals an id of one part, nor an id of another number of parts', async () => {
  const lists = fc.array(digests, { minLength: 2, maxLength: 20 })
  const apart = fc.asyncProperty(lists, digests, async (parts, other) => {
    const joined = createHash('sha256').update(Buffer.concat(parts)).digest()
    const id = await contentIdOf(parts)
    expect(parseContentId(id)).toEqual({ digest: joined.toString('hex'), parts: parts.length })
    expect(id).not.toBe(await contentIdOf([joined]))
    expect(id).not.toBe(await contentIdOf([...parts, other]))
  })
  await fc.assert(apart)
})

test('the order of the parts is part of the identity', async () => {
  const [a, b] = [sha256(Buffer.from('a')), sha256(Buffer.from('b'))]
  expect(await contentIdOf([a, b])).not.toBe(await contentIdOf([b, a]))
})

test('what is not exactly a content id is refused', () => {
  for (const text of vectors.refusedContentIds) {
    expect(parseContentId(text), text).toBe(null)
    expect(contentIdFits(text, 1), text).toBe(false)
    expect(() => compositeOf(text), text).toThrow(RangeError)
  }
  expect(parseContentId(`sha256:${HEX}`)).toEqual({ digest: HEX, parts: 1 })
  expect(parseContentId(`sha256:${HEX}-2`)).toEqual({ digest: HEX, parts: 2 })
  expect(parseContentId(`sha256:${HEX}-10000`)).toEqual({ digest: HEX, parts: 10_000 })
})

test('an id fits a size only with exactly as many parts as the layout has', () => {
  for (const { fileSize, partCount } of vectors.layouts) {
    const idOf = (parts: number) => (parts === 1 ? `sha256:${HEX}` : `sha256:${HEX}-${parts}`)
    expect(contentIdFits(idOf(partCount), fileSize)).toBe(true)
    expect(contentIdFits(idOf(partCount + 1), fileSize)).toBe(false)
    expect(contentIdFits(idOf(Math.max(1, partCount - 1)), fileSize)).toBe(partCount === 1)
  }
})

test('no parts, too many parts and digests of another length are refused', async () => {
  const digest = new Uint8Array(32)
  await expect(contentIdOf([])).rejects.toThrow(RangeError)
  await expect(contentIdOf(Array(PARTS_MAX + 1).fill(digest))).rejects.toThrow(RangeError)
  await expect(contentIdOf([new Uint8Array(31)])).rejects.toThrow(RangeError)
  await expect(contentIdOf([digest, new Uint8Array(33)])).rejects.toThrow(RangeError)
  expect(await contentIdOf(Array(PARTS_MAX).fill(digest))).toMatch(/-10000$/)
  expect(() => digestToBase64(new Uint8Array(20))).toThrow(RangeError)
})

test('a digest survives base64, and only its one spelling is accepted', () => {
  const strict = fc.property(digests, (digest) => {
    const text = digestToBase64(digest)
    expect(text).toBe(Buffer.from(digest).toString('base64'))
    expect(digestFromBase64(text)).toEqual(Uint8Array.from(digest))
    const unused = text.slice(0, 42) + nextLetter(text.charAt(42)) + text.slice(43)
    for (const other of [text.slice(0, -1), `${text}=`, ` ${text}`, `${text}\n`, unused]) {
      expect(digestFromBase64(other)).toBe(null)
    }
  })
  fc.assert(strict)
  expect(digestFromBase64(Buffer.alloc(31).toString('base64'))).toBe(null)
  expect(digestFromBase64(Buffer.alloc(33).toString('base64'))).toBe(null)
  expect(digestFromBase64(`${'-_'.repeat(21)}A=`)).toBe(null)
})

/** Sets one of the two bits that 32 bytes leave unused: the same bytes for a lax decoder. */
function nextLetter(letter: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return alphabet.charAt(alphabet.indexOf(letter) + 1)
}

function generated(fileSize: number): Buffer {
  const bytes = Buffer.alloc(fileSize)
  for (let index = 0; index < fileSize; index++) bytes[index] = index % 251
  return bytes
}

function partDigestsOf(bytes: Buffer): Buffer[] {
  const layout = layoutOf(bytes.length)
  return Array.from({ length: layout.partCount }, (_, index) => {
    const { offset, length } = partRange(layout, index + 1)
    return sha256(bytes.subarray(offset, offset + length))
  })
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
