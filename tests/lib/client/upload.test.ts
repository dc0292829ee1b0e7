import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createApi } from '../../../lib/client/api.ts'
import type { FileToUpload } from '../../../lib/client/entry.ts'
import { aClient, MIB } from './a-client.ts'
import type { TinyOptions } from './tiny-service.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function setUp(options: TinyOptions = {}) {
  const client = await aClient(options)
  undo.push(client.stop)
  return client
}

test('a file of many parts arrives byte for byte in two calls', async () => {
  const { service, aFile, send } = await setUp()
  const content = randomBytes(21 * MIB + 17)
  const { summary, results } = await send([await aFile('a.bin', content)])

  expect(service.files.get('a.bin')?.bytes.equals(content)).toBe(true)
  expect(summary).toMatchObject({ stored: 1, failed: 0, functionCalls: 2 })
  expect(results[0]).toMatchObject({
    fileName: 'a.bin',
    fileSize: content.length,
    sentBytes: content.length,
    paths: { direct: content.length },
    duplicate: false,
    functionCalls: 2,
  })
  expect(summary.progress).toMatchObject({ bytesDone: content.length, filesDone: 1 })
})

test('an empty file and a file of one part are one PUT each, without a part number', async () => {
  const { service, aFile, send } = await setUp()
  const { summary } = await send([
    await aFile('empty', Buffer.alloc(0)),
    await aFile('one', Buffer.from('one')),
  ])
  expect(service.files.get('empty')?.bytes.length).toBe(0)
  expect(service.files.get('one')?.bytes.toString()).toBe('one')
  expect(service.seen).toHaveLength(2)
  expect(summary.functionCalls).toBe(2)
})

test('what the store has already is not sent again', async () => {
  const { service, aFile, send } = await setUp({ connections: 1, onPart: stopAfter(3) })
  const content = randomBytes(40 * MIB)
  await expect(send([await aFile('a', content)])).resolves.toMatchObject({ summary: { failed: 1 } })
  const before = service.seen.reduce((sum, { bytes }) => sum + bytes, 0)
  service.options.onPart = undefined

  const { results, summary } = await send([await aFile('a', content)])
  expect(service.files.get('a')?.bytes.equals(content)).toBe(true)
  expect(before).toBe(15 * MIB)
  expect(results[0]?.sentBytes).toBe(25 * MIB)
  expect(summary.progress.bytesDone).toBe(40 * MIB)
})

function stopAfter(parts: number): TinyOptions['onPart'] {
  return ({ partNumber }) =>
    partNumber > parts ? { status: 400, body: '<Code>Nope</Code>' } : undefined
}

test('the same content under a second path is a duplicate and costs no bytes', async () => {
  const { service, aFile, send } = await setUp()
  const content = randomBytes(100)
  await send([await aFile('a', content)])
  const { results } = await send([await aFile('b', content)])
  expect(results[0]).toMatchObject({ duplicate: true, sentBytes: 0, functionCalls: 1 })
  expect(service.seen).toHaveLength(1)
})

test('of files with the same content in one call, the bytes go once and each file gets its id', async () => {
  const { service, aFile, send } = await setUp()
  const content = randomBytes(20 * MIB)
  const { results } = await send([await aFile('a', content), await aFile('b', content)])
  expect(results.map(({ path }) => path).sort()).toEqual(['a', 'b'])
  expect(new Set(results.map(({ fileId }) => fileId)).size).toBe(2)
  expect(service.seen.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(content.length)
})

test('the nearest relay carries most parts, the others are tried on the way, and each part carries the grant', async () => {
  const { service, aFile, send } = await setUp({ edges: 3, connections: 8, onPart: slow(20) })
  const content = randomBytes(150 * MIB)
  const { results } = await send([await aFile('a', content)])
  expect(service.files.get('a')?.bytes.equals(content)).toBe(true)
  expect(Object.keys(results[0]?.paths ?? {})).toEqual(
    expect.arrayContaining(['edge-1', 'edge-2', 'edge-3']),
  )
  expect(Object.values(results[0]?.paths ?? {}).reduce((a, b) => a + b, 0)).toBe(content.length)
})

test('a small file goes over the nearest relay, not straight to the store', async () => {
  const { aFile, send } = await setUp({ edges: 2 })
  const { results } = await send([await aFile('a', randomBytes(1000))])
  expect(results[0]?.paths).toEqual({ 'edge-1': 1000 })
})

test('--direct leaves the relays alone', async () => {
  const { aFile, send } = await setUp({ edges: 2 })
  const { results } = await send([await aFile('a', randomBytes(1000))], { directOnly: true })
  expect(results[0]?.paths).toEqual({ direct: 1000 })
})

test('parts that fail over one relay arrive over the others', async () => {
  const onPart: TinyOptions['onPart'] = ({ path: via }) =>
    via === 'edge-1' ? { status: 502 } : undefined
  const { service, aFile, send } = await setUp({ edges: 3, connections: 6, onPart })
  const content = randomBytes(60 * MIB)
  const { summary } = await send([await aFile('a', content)])
  expect(summary.stored).toBe(1)
  expect(service.seen.filter(({ path: via }) => via === 'edge-1')).toHaveLength(0)
})

test('with every relay dead the file goes straight to the store', async () => {
  const onPart: TinyOptions['onPart'] = ({ path: via }) => (via === 'direct' ? undefined : 'reset')
  const { aFile, send } = await setUp({ edges: 2, onPart })
  const { results } = await send([await aFile('a', randomBytes(30 * MIB))])
  expect(results[0]?.fileSize).toBe(30 * MIB)
})

test('a store that is away for a moment only costs time', async () => {
  const onPart: TinyOptions['onPart'] = (_, times) => (times < 3 ? { status: 503 } : undefined)
  const { service, aFile, send } = await setUp({ onPart, connections: 2 })
  const { summary } = await send([await aFile('a', randomBytes(18 * MIB))], { patienceMs: 10_000 })
  expect(summary.stored).toBe(1)
  expect(service.seen).toHaveLength(4)
})

test('shortly before the last bytes have left a connection for the completion is opened', async () => {
  const { service, aFile, send } = await setUp()
  const api = createApi({ url: service.url, apiKey: 'jt_live_test' })
  let bytesDone = 0
  const openedAt: number[] = []
  const connect = async () => void openedAt.push(bytesDone)
  const { summary } = await send([await aFile('a', 18 * MIB)], {
    api: { ...api, connect },
    bytesPerSecondMax: 12 * MIB,
    onProgress: (progress) => {
      bytesDone = progress.bytesDone
    },
  })
  expect(summary.stored).toBe(1)
  // One for the start is opened while nothing has moved.
  expect(openedAt[0]).toBe(0)
  expect(openedAt.find((bytes) => bytes > 0)).toBeGreaterThan(3 * MIB)
})

test('a path that never takes a part ends in an error that says why', async () => {
  const onPart: TinyOptions['onPart'] = () => ({ status: 503, body: '<Code>SlowDown</Code>' })
  const { aFile, send } = await setUp({ onPart })
  const { outcomes } = await send([await aFile('a', randomBytes(10))])
  expect(outcomes[0]?.error?.message).toMatch(/503 SlowDown/)
}, 40_000)

test('signatures that end on the way are renewed before they are used', async () => {
  const { service, aFile, send } = await setUp({ lifeMs: 2_500, connections: 1, onPart: slow(250) })
  const content = randomBytes(60 * MIB)
  const { results } = await send([await aFile('a', content)])
  expect(service.files.get('a')?.bytes.equals(content)).toBe(true)
  expect(service.calls.filter(({ method }) => method === 'PATCH').length).toBeGreaterThan(0)
  expect(results[0]?.sentBytes).toBeLessThanOrEqual(content.length + 5 * MIB)
})

function slow(ms: number): TinyOptions['onPart'] {
  return () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    return undefined
  }
}

test('signatures that expired are asked for again in one call, for all that were made with them', async () => {
  let expired: string | undefined
  const onPart: TinyOptions['onPart'] = ({ ends }) => {
    expired ??= ends
    return ends === expired
      ? { status: 403, body: '<Code>AccessDenied</Code><Message>Request has expired</Message>' }
      : undefined
  }
  const { service, aFile, send } = await setUp({ onPart, connections: 2 })
  const { summary } = await send([await aFile('a', randomBytes(40 * MIB))])
  expect(summary.stored).toBe(1)
  expect(service.calls.filter(({ method }) => method === 'PATCH')).toHaveLength(1)
})

test('signatures beyond the first window come by one more call', async () => {
  const { aFile, send } = await setUp({ window: 2, connections: 4 })
  const { summary } = await send([await aFile('a', randomBytes(60 * MIB))])
  expect(summary).toMatchObject({ stored: 1, functionCalls: 3 })
})

test('a clock that differs too much is named', async () => {
  const onPart: TinyOptions['onPart'] = () => ({
    status: 403,
    body: '<Code>RequestTimeTooSkewed</Code>',
  })
  const { aFile, send } = await setUp({ onPart })
  const { outcomes } = await send([await aFile('a', randomBytes(10))])
  expect(outcomes[0]?.error?.message).toMatch(/clock/)
})

test('in md5 mode the digests go with the signing call and the file arrives', async () => {
  const { service, aFile, send } = await setUp({ checksum: 'md5' })
  const content = randomBytes(21 * MIB)
  const { summary } = await send([await aFile('a', content), await aFile('b', randomBytes(10))])
  expect(service.files.get('a')?.bytes.equals(content)).toBe(true)
  expect(summary).toMatchObject({ stored: 2, functionCalls: 3 })
})

test('parts that completion misses or doubts are sent again', async () => {
  const onComplete: TinyOptions['onComplete'] = (uploadId, times) => {
    if (times === 1) service.uploads.get(uploadId)?.parts.delete(2)
    if (times !== 2) return undefined
    const problem = {
      type: '/errors/parts-mismatch',
      status: 409,
      title: 'x',
      mismatchedParts: [[1, 1]],
    }
    return { problem }
  }
  const { service, aFile, send } = await setUp({ onComplete })
  const content = randomBytes(21 * MIB)
  const { results } = await send([await aFile('a', content)])
  expect(service.files.get('a')?.bytes.equals(content)).toBe(true)
  expect(results[0]?.sentBytes).toBe(content.length + 10 * MIB)
})

test('a service that doubts parts for ever is not obeyed for ever', async () => {
  const problem = {
    type: '/errors/parts-mismatch',
    status: 409,
    title: 'doubt',
    mismatchedParts: [[1, 1]],
  }
  const { service, aFile, send } = await setUp({ onComplete: () => ({ problem }) })
  const { outcomes } = await send([await aFile('a', randomBytes(10))])
  expect(outcomes[0]?.error?.message).toBe('doubt')
  expect(service.seen).toHaveLength(4)
})

test('an upload that is being completed is asked for until it is done', async () => {
  const { aFile, send } = await setUp({ completingFor: 2 })
  const { summary } = await send([await aFile('a', randomBytes(10))])
  expect(summary).toMatchObject({ stored: 1, functionCalls: 4 })
})

test('an upload that is gone at the store is started again, once', async () => {
  let lost = 0
  const onPart: TinyOptions['onPart'] = ({ uploadId }) => {
    if (lost > 0) return undefined
    lost += 1
    service.uploads.delete(uploadId)
    return { status: 404, body: '<Code>NoSuchUpload</Code>' }
  }
  const { service, aFile, send } = await setUp({ onPart })
  const { summary } = await send([await aFile('a', randomBytes(20 * MIB))])
  expect(summary.stored).toBe(1)
})

test('a file that changes while it is sent is not stored and the reason is said', async () => {
  const onPart: TinyOptions['onPart'] = ({ partNumber }) => {
    if (partNumber === 1) appendFileSync(path.join(folder, 'a'), 'more')
    return undefined
  }
  const { service, folder, aFile, send } = await setUp({ onPart, connections: 1 })
  const { outcomes } = await send([await aFile('a', randomBytes(30 * MIB))])
  expect(outcomes[0]?.error?.message).toMatch(/changed while uploading/)
  expect(service.files.size).toBe(0)
})

test('one file that cannot be read does not stop the others', async () => {
  const { folder, aFile, send } = await setUp()
  const gone = await aFile('gone', randomBytes(10))
  await rm(path.join(folder, 'gone'))
  const { summary, outcomes } = await send([gone, await aFile('there', randomBytes(10))])
  expect(summary).toMatchObject({ stored: 1, failed: 1 })
  expect(outcomes.find(({ error }) => error)?.file.path).toBe('gone')
  expect(summary.progress).toMatchObject({ bytesDone: 20, filesDone: 2 })
})

test('a lost answer is asked for again', async () => {
  const onCall: TinyOptions['onCall'] = (_method, _path, times) =>
    times === 1 ? 'reset' : undefined
  const { aFile, send } = await setUp({ onCall })
  const { summary } = await send([await aFile('a', randomBytes(10))])
  expect(summary).toMatchObject({ stored: 1, functionCalls: 4 })
})

test('a key that is not accepted ends everything with the refusal', async () => {
  const { service, aFile, send } = await setUp()
  const api = createApi({ url: service.url, apiKey: 'wrong' })
  await expect(send([await aFile('a', randomBytes(10))], { api })).rejects.toMatchObject({
    problem: { status: 401 },
  })
})

test('stopping rejects with the reason at once, and the same call resumes', async () => {
  const controller = new AbortController()
  const onPart: TinyOptions['onPart'] = ({ partNumber }) => {
    if (partNumber === 4) controller.abort(new Error('enough'))
    return undefined
  }
  const { service, aFile, send } = await setUp({ onPart, connections: 1 })
  const content = randomBytes(40 * MIB)
  const file = await aFile('a', content)
  await expect(send([file], { signal: controller.signal })).rejects.toThrow('enough')
  service.options.onPart = undefined
  const { results } = await send([await aFile('a', content)])
  expect(results[0]?.sentBytes).toBeLessThanOrEqual(25 * MIB)
})

test('five hundred small files cost eleven calls', async () => {
  const { service, aFile, send } = await setUp({ edges: 2 })
  const files: FileToUpload[] = []
  for (let index = 0; index < 500; index += 1) files.push(await aFile(`f${index}`, randomBytes(64)))
  const { summary } = await send(files)
  expect(summary.stored).toBe(500)
  expect(service.calls.filter(({ method }) => method === 'POST')).toHaveLength(5)
  expect(summary.functionCalls).toBeLessThanOrEqual(11)
  expect(service.reports).toHaveLength(0)
})

test('progress never passes the total and ends at it', async () => {
  const seen: number[] = []
  const { aFile, send } = await setUp()
  const content = randomBytes(40 * MIB)
  const { summary } = await send([await aFile('a', content)], {
    expected: { files: 1, bytes: content.length },
    onProgress: ({ bytesDone, bytesTotal }) => seen.push(bytesDone / bytesTotal),
  })
  expect(Math.max(...seen)).toBeLessThanOrEqual(1)
  expect(summary.progress.bytesDone).toBe(summary.progress.bytesTotal)
})
