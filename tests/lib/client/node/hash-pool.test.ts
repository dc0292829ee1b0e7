import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { blobSource } from '../../../../lib/client/browser/blob-source.ts'
import { fileSource } from '../../../../lib/client/node/file-source.ts'
import { createHashPool } from '../../../../lib/client/node/hash-pool.ts'
import { createSender } from '../../../../lib/client/node/send-part.ts'
import { chunkFile } from '../../../../lib/content/chunk.ts'
import { createJoiner } from '../../../../lib/content/join-chunks.ts'
import { layoutOf, partRange } from '../../../../lib/content/layout.ts'

const SIZE = 23 * 1024 * 1024 + 5
const content = randomBytes(SIZE)
const layout = layoutOf(SIZE)
const pool = createHashPool(2)
const tools = { pool, sender: createSender() }
let folder = ''
let file = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'jetty-hash-'))
  file = path.join(folder, 'f')
  await writeFile(file, content)
})
afterAll(async () => {
  tools.sender.close()
  await pool.close()
  await rm(folder, { recursive: true })
})

function expected(algorithm: string): string[] {
  return Array.from({ length: layout.partCount }, (_, index) => {
    const { offset, length } = partRange(layout, index + 1)
    return createHash(algorithm)
      .update(content.subarray(offset, offset + length))
      .digest('hex')
  })
}

async function digest(md5: boolean, size = SIZE, signal = new AbortController().signal) {
  const handle = await open(file, 'r')
  let bytes = 0
  const onBytes = (more: number) => {
    bytes += more
  }
  try {
    const digests = await pool.digest(handle.fd, layoutOf(size), { md5, signal, onBytes })
    return { digests, bytes }
  } finally {
    await handle.close()
  }
}

test('parts are hashed in order, both ways when MD5 is wanted, and every byte is counted', async () => {
  const { digests, bytes } = await digest(true)
  expect(digests.map(({ sha256 }) => Buffer.from(sha256).toString('hex'))).toEqual(
    expected('sha256'),
  )
  expect(digests.map(({ md5 }) => Buffer.from(md5 ?? []).toString('hex'))).toEqual(expected('md5'))
  expect(bytes).toBe(SIZE)
})

test('a file of one part has the digest of its bytes', async () => {
  const { digests } = await digest(false, 1000)
  const plain = createHash('sha256').update(content.subarray(0, 1000)).digest('hex')
  expect(digests.map(({ sha256 }) => Buffer.from(sha256).toString('hex'))).toEqual([plain])
})

test('a Blob in a browser has the same digests', async () => {
  const source = blobSource(new Blob([content]))
  const signal = new AbortController().signal
  const digests = await source.digest({ md5: false, signal, onBytes: () => {} })
  expect(digests.map(({ sha256 }) => Buffer.from(sha256).toString('hex'))).toEqual(
    expected('sha256'),
  )
})

test.each([
  ['threads', async () => fileSource(file, await stat(file, { bigint: true }), tools)],
  ['a Blob', async () => blobSource(new Blob([content]))],
])('the chunks that %s find are those of the whole file', async (_, aSource) => {
  const source = await aSource()
  const joiner = createJoiner({ fileSize: source.size, read: source.read })
  const stretches: number[] = []
  await source.digest({
    md5: false,
    signal: new AbortController().signal,
    onBytes: () => {},
    onStretch: (number, stretch) => {
      stretches.push(number)
      joiner.add(number, stretch)
    },
  })
  expect(stretches.sort()).toEqual([1, 2, 3, 4, 5])
  const whole = await chunkFile([new Uint8Array(content)], { fileSize: SIZE })
  expect(await joiner.end()).toEqual(whole)
})

test('a Blob that is digested again has the same stretches without being read again', async () => {
  const source = blobSource(new Blob([content]))
  const seen: unknown[][] = [[], []]
  for (const stretches of seen) {
    await source.digest({
      md5: false,
      signal: new AbortController().signal,
      onBytes: () => {},
      onStretch: (_, stretch) => stretches.push(stretch),
    })
  }
  expect(seen[0]).toHaveLength(5)
  expect(seen[1]?.every((stretch, index) => stretch === seen[0]?.[index])).toBe(true)
})

test('stopping ends the hashing with the reason', async () => {
  const controller = new AbortController()
  controller.abort(new Error('stop'))
  await expect(digest(false, SIZE, controller.signal)).rejects.toThrow('stop')
})

test('a file that became shorter is noticed, by threads and without', async () => {
  await expect(digest(false, SIZE + 10 * 1024 * 1024)).rejects.toThrow(/became shorter/)
  await truncate(file, 10)
  await expect(digest(false, 1000)).rejects.toThrow(/became shorter/)
  await writeFile(file, content)
})
