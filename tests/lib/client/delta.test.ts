import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { createApi } from '../../../lib/client/api.ts'
import { fileAt } from '../../../lib/client/files.ts'
import type { UploadOptions } from '../../../lib/client/upload.ts'
import { chunkFile } from '../../../lib/content/chunk.ts'
import { decodeManifest } from '../../../lib/content/decode-manifest.ts'
import { encodeManifest } from '../../../lib/content/encode-manifest.ts'
import { aClient, MIB } from './a-client.ts'
import type { TinyOptions } from './tiny-service.ts'

const PART = 5 * MIB
const COPY = '/api/storage/copy'
const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

/** A client whose account has a file `a` of four parts, with its manifest. */
async function withBase(options: TinyOptions = {}) {
  const client = await aClient({ deltas: true, ...options })
  undo.push(client.stop)
  const { service, aFile } = client
  const base = randomBytes(4 * PART)
  await client.send([await aFile('a', base)])
  const [uploadId = '', manifest = Buffer.alloc(0)] = [...service.manifests][0] ?? []
  service.seen.length = 0
  service.calls.length = 0

  async function sendAs(name: string, content: Buffer, more: Partial<UploadOptions> = {}) {
    const notes: string[] = []
    const sent = await client.send([await aFile(name, content)], {
      onNote: (text) => notes.push(text),
      ...more,
    })
    const copies = service.calls.filter(({ path }) => path === COPY)
    return { ...sent, result: sent.results[0], notes, copies }
  }
  const sentParts = () => service.seen.map(({ partNumber }) => partNumber).sort((a, b) => a - b)
  return { ...client, base, uploadId, manifest, sendAs, sentParts }
}

/** The bytes with some of them changed, in the third part of four. */
function edited(base: Buffer): Buffer {
  const file = Buffer.from(base)
  randomBytes(1000).copy(file, 2 * PART + MIB)
  return file
}

test('of a changed file the changed parts are sent, and the others cost one call', async () => {
  const { service, base, sendAs, sentParts, manifest } = await withBase()
  const file = edited(base)
  const { result, summary, copies } = await sendAs('a', file)

  expect(service.files.get('a')?.bytes.equals(file)).toBe(true)
  expect(sentParts()).toEqual([3])
  expect(copies.map(({ body }) => JSON.parse(body).parts)).toEqual([
    [
      [1, 2, 0],
      [4, 4, 3 * PART],
    ],
  ])
  expect(result).toMatchObject({ copiedBytes: 3 * PART, functionCalls: 3 })
  // The edit makes a chunk more or less: its manifest differs by a few bytes.
  expect(result?.sentBytes).toBeGreaterThan(PART + manifest.length - 100)
  expect(result?.sentBytes).toBeLessThan(PART + manifest.length + 100)
  expect(summary).toMatchObject({ functionCalls: 3 })
  expect(summary.progress).toMatchObject({
    bytesDone: file.length,
    copiedBytes: 3 * PART,
    sentBytes: result?.sentBytes,
  })
})

test('after an insertion parts are copied from where they begin in the base', async () => {
  const { service, base, sendAs, sentParts } = await withBase()
  const file = Buffer.concat([base.subarray(0, 6 * MIB), randomBytes(777), base.subarray(6 * MIB)])
  const { copies } = await sendAs('a', file)
  expect(service.files.get('a')?.bytes.equals(file)).toBe(true)
  expect(sentParts()).toEqual([2])
  expect(JSON.parse(copies[0]?.body ?? '').parts).toEqual([
    [1, 1, 0],
    [3, 5, 2 * PART - 777],
  ])
})

test('the manifest that is stored is that of the file', async () => {
  const { base, service, manifest } = await withBase()
  const decoded = await decodeManifest(new Uint8Array(manifest))
  expect(decoded?.fileHash).toBe(service.files.get('a')?.fileHash)
  const chunks = await chunkFile([new Uint8Array(base)], { fileSize: base.length })
  expect(decoded?.chunks).toEqual(chunks)
})

test('a file under another path is compared with the base that is named', async () => {
  const { service, base, sendAs, sentParts } = await withBase()
  const api = createApi({ url: service.url, apiKey: 'jt_live_test' })
  const baseFileId = (await fileAt(api, 'a'))?.fileId
  const { result } = await sendAs('b', edited(base), { baseFileId })
  expect(sentParts()).toEqual([3])
  expect(result?.copiedBytes).toBe(3 * PART)
})

test('changed parts are sent while the others are being copied, and the last copy completes the file', async () => {
  const { service, base, sendAs } = await withBase()
  service.options.beforeCopy = async () => {
    await vi.waitUntil(() => service.seen.length === 1, 5_000)
    await sleep(300)
  }
  const { result } = await sendAs('a', edited(base))
  expect(result?.copiedBytes).toBe(3 * PART)
})

test('what a first call leaves is asked for once more, and what is left then is sent', async () => {
  const { service, base, sendAs, copies, sentParts } = await withCopies({ copiesMax: 1 })
  const file = edited(base)
  const { result } = await sendAs('a', file)
  expect(copies()).toBe(2)
  expect(sentParts()).toEqual([3, 4])
  expect(result).toMatchObject({ copiedBytes: 2 * PART, functionCalls: 4 })
  expect(service.files.get('a')?.bytes.equals(file)).toBe(true)
})

async function withCopies(options: TinyOptions) {
  const world = await withBase(options)
  return { ...world, copies: () => world.service.calls.filter(({ path }) => path === COPY).length }
}

test('a call that has no time at all is not made again', async () => {
  const { base, sendAs, copies, sentParts } = await withCopies({ copiesMax: 0 })
  await sendAs('a', edited(base))
  expect(copies()).toBe(1)
  expect(sentParts()).toHaveLength(4)
})

test.each([
  ['is refused', { status: 403 }, 1],
  ['meets a service in trouble twice', { status: 503 }, 2],
  ['gets no answer twice', 'reset', 2],
] as const)('where a copy call %s, the parts are sent', async (_, fault, calls) => {
  const { service, base, sendAs, copies, sentParts } = await withCopies({
    onCall: (_method, path) => (path === COPY ? fault : undefined),
  })
  const file = edited(base)
  const { result, notes } = await sendAs('a', file)
  expect(copies()).toBe(calls)
  expect(sentParts()).toHaveLength(4)
  expect(result).toMatchObject({ copiedBytes: 0 })
  expect(notes.join()).toMatch(/not copied/)
  expect(service.files.get('a')?.bytes.equals(file)).toBe(true)
})

test('a copy call that got lost is made once more', async () => {
  let isFirst = true
  const { base, sendAs, copies, sentParts } = await withCopies({
    onCall: (_method, path) => {
      if (path !== COPY || !isFirst) return undefined
      isFirst = false
      return 'reset'
    },
  })
  const { result } = await sendAs('a', edited(base))
  expect(copies()).toBe(2)
  expect(sentParts()).toEqual([3])
  expect(result).toMatchObject({ copiedBytes: 3 * PART, functionCalls: 4 })
})

test('a base that is deleted between start and copy costs the bytes, nothing else', async () => {
  const { service, base, sendAs, sentParts } = await withBase()
  service.options.beforeCopy = async () => void service.files.delete('a')
  const file = edited(base)
  await sendAs('a', file)
  expect(sentParts()).toHaveLength(4)
  expect(service.files.get('a')?.bytes.equals(file)).toBe(true)
})

test('a manifest of another content is believed only as far as digests say', async () => {
  const { service, base, uploadId, sendAs, sentParts } = await withBase()
  const file = edited(base)
  // It says that the base has the new file's chunks: the third part is then refused, the others are right.
  const chunks = await chunkFile([new Uint8Array(file)], { fileSize: file.length })
  const fileHash = service.files.get('a')?.fileHash ?? ''
  const manifest = Buffer.from(await encodeManifest({ fileHash, chunks }))
  service.manifests.set(uploadId, manifest)
  // It may have a chunk more than the one it replaces, and nothing longer than announced is read.
  const announced = service.uploads.get(uploadId)?.manifest
  if (announced) announced.bytes = manifest.length
  const { result, copies } = await sendAs('a', file)
  expect(JSON.parse(copies[0]?.body ?? '').parts).toEqual([[1, 4, 0]])
  expect(sentParts()).toEqual([3])
  expect(result?.copiedBytes).toBe(3 * PART)
  expect(service.files.get('a')?.bytes.equals(file)).toBe(true)
})

test.each([
  ['nonsense', (_: Buffer) => randomBytes(1000)],
  ['longer than the service says', (manifest: Buffer) => Buffer.concat([manifest, manifest])],
  ['cut off', (manifest: Buffer) => manifest.subarray(0, -1)],
])('a manifest that is %s only means that the file is sent', async (_, spoil) => {
  const { service, base, uploadId, manifest, sendAs, sentParts } = await withBase()
  service.manifests.set(uploadId, spoil(manifest))
  const file = edited(base)
  const { copies, notes } = await sendAs('a', file)
  expect(copies).toEqual([])
  expect(notes.join()).toMatch(/manifest of the base/)
  expect(sentParts()).toHaveLength(4)
  expect(service.files.get('a')?.bytes.equals(file)).toBe(true)
})

test('a manifest that is gone is asked for once, though there are two ways to ask', async () => {
  let asked = 0
  const { base, sendAs, sentParts } = await withBase({
    edges: 1,
    onManifest: (method) => {
      if (method !== 'GET') return undefined
      asked += 1
      return { status: 404 }
    },
  })
  const { notes } = await sendAs('a', edited(base))
  expect(asked).toBe(1)
  expect(notes.join()).toMatch(/manifest of the base is gone/)
  expect(sentParts()).toHaveLength(4)
})

test('a manifest goes over the nearest relay, and straight where that one fails', async () => {
  const seen: string[] = []
  const { service, base, sendAs } = await withBase({
    edges: 2,
    onManifest: (method, via) => {
      seen.push(`${method} ${via}`)
      return via === 'direct' ? undefined : { status: 502 }
    },
  })
  expect(seen).toEqual(['PUT edge-1', 'PUT direct'])
  seen.length = 0
  service.options.onManifest = (method, via) => void seen.push(`${method} ${via}`)
  const { result } = await sendAs('a', edited(base))
  expect(seen.sort()).toEqual(['GET edge-1', 'PUT edge-1'])
  expect(result?.copiedBytes).toBe(3 * PART)
})

test('a manifest that cannot be stored is tried four times and fails nothing', async () => {
  const { service, sendAs } = await withBase()
  let times = 0
  service.options.onManifest = () => {
    times += 1
    return { status: 500 }
  }
  const { summary, notes } = await sendAs('b', randomBytes(20 * MIB))
  expect(summary.stored).toBe(1)
  expect(times).toBe(4)
  expect(notes.join()).toMatch(/manifest was not stored/)
})

test('a manifest that hangs holds the end up for five seconds at most', async () => {
  const { service, sendAs } = await withBase()
  service.options.onManifest = () => 'hang'
  const startedAt = performance.now()
  let storedAt = 0
  await sendAs('b', randomBytes(20 * MIB), {
    onFile: () => {
      storedAt = performance.now()
    },
  })
  expect(storedAt - startedAt).toBeLessThan(4_000)
  expect(performance.now() - storedAt).toBeGreaterThan(4_900)
  expect(performance.now() - storedAt).toBeLessThan(7_000)
})

test('a part that completion misses after it was copied is sent, and counts as sent', async () => {
  const { service, base, sendAs, sentParts } = await withBase()
  service.options.onComplete = (_, times) => {
    if (times > 1) return undefined
    const problem = { type: '/errors/parts-missing', status: 409, missingParts: [[4, 4]] }
    return { problem }
  }
  const { result, summary } = await sendAs('a', edited(base))
  expect(sentParts()).toEqual([3, 4])
  expect(result?.copiedBytes).toBe(2 * PART)
  expect(summary.progress).toMatchObject({ copiedBytes: 2 * PART, bytesDone: 4 * PART })
})

test('a file of one part is sent whole, but later ones can be compared with it', async () => {
  const { service, base, sendAs, copies } = await withCopies({})
  await sendAs('a', base.subarray(0, 16 * MIB))
  expect(copies()).toBe(0)
  expect(service.seen.map(({ bytes }) => bytes)).toEqual([16 * MIB])
  expect(service.manifests.size).toBe(2)
})

test('a file of up to 5 MiB says nothing of its chunks, nor does any with delta off', async () => {
  const { service, base, sendAs, sentParts } = await withBase()
  await sendAs('small', randomBytes(5 * MIB))
  await sendAs('a', edited(base), { delta: false })
  const asks = service.calls.flatMap(({ method, path, body }) =>
    method === 'POST' && path === '/api/storage/upload' ? JSON.parse(body).files : [],
  )
  expect(asks).toHaveLength(2)
  for (const ask of asks) {
    expect(Object.keys(ask)).not.toContain('manifest')
    expect(Object.keys(ask)).not.toContain('sketch')
  }
  expect(sentParts()).toEqual([1, 1, 2, 3, 4])
  const [, larger] = [...service.uploads.values()]
  expect(larger?.manifest).toBeUndefined()
})

test('once a store has said that it is in md5 mode, no more files are cut', async () => {
  const client = await aClient({ checksum: 'md5' })
  undo.push(client.stop)
  const { service, aFile, send } = client
  const { summary } = await send([
    await aFile('a', randomBytes(64 * MIB)),
    // Hashed while the first is being started.
    await aFile('b', randomBytes(64 * MIB)),
    await aFile('c', randomBytes(6 * MIB)),
  ])
  expect(summary.stored).toBe(3)
  const declared = [...service.uploads.values()].map(({ manifest }) => manifest !== undefined)
  expect(declared).toEqual([true, true, false])
})
