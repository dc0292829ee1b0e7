import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { GET, POST } from '../../../api/jetty/cache-chunk.ts'
import { redis } from '../../../lib/redis/client.ts'
import { anOpenUpload, MIB, tracker } from '../../lib/sessions/tracking.ts'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { sendParts, uploader } from '../../local/uploading.ts'

const PATH = '/api/jetty/cache-chunk'
const NOT_FOUND = { status: 404, body: { type: '/errors/not-found' } }
const MISMATCH = { status: 422, body: { type: '/errors/progress-mismatch' } }

async function aSession() {
  const upload = await anOpenUpload()
  const { body } = await upload.track({ action: 'start', uploadId: upload.uploadId })
  return { ...upload, sessionId: body.session.sessionId as string }
}

/** An open upload of four parts, two of which the store has. */
async function aHalfUpload() {
  const { apiKey } = await anAccount()
  const content = await aContent(17 * MIB)
  const { start, complete } = uploader(apiKey)
  const [result] = (await start([content, { path: 'a' }])).body.results
  await sendParts(result, content, [1, 4])
  const { uploadId } = result
  const finish = async () => {
    await sendParts(result, content, [2, 3])
    await complete(uploadId)
  }
  return { content, uploadId, finish, ...tracker(apiKey) }
}

/** As if Redis had lost what it has of an upload. */
async function forget(uploadId: string): Promise<void> {
  const keys = await redis.keys(`*${uploadId}*`)
  expect(keys.length).toBeGreaterThan(0)
  await redis.del(...keys)
}

test('what was said of a chunk is told again', async () => {
  const { tell, chunks, sessionId, uploadId } = await aSession()
  const word = { chunkHash: 'sha256:abc', edgeId: 'lon-1', bytesUploaded: 5 * MIB }
  expect(await tell({ sessionId, chunkIndex: 3, status: 'completed', ...word })).toMatchObject({
    status: 200,
    body: {
      success: true,
      message: expect.any(String),
      chunk: { sessionId, chunkIndex: 3, status: 'completed' },
      chunksCompleted: 1,
      chunksTotal: 21,
    },
  })
  await tell({ uploadId, chunkIndex: 1, status: 'failed', errorMessage: 'connection reset' })
  const timestamp = expect.stringMatching(/^20.*Z$/)
  const known = {
    chunks: [
      {
        chunkIndex: 1,
        status: 'failed',
        chunkHash: null,
        edgeId: null,
        bytesUploaded: 0,
        errorMessage: 'connection reset',
        timestamp,
      },
      { chunkIndex: 3, status: 'completed', ...word, errorMessage: null, timestamp },
    ],
    total: 2,
    chunksCompleted: 1,
    chunksTotal: 21,
    bytesUploaded: 5 * MIB,
    source: 'ledger',
  }
  for (const query of [`sessionId=${sessionId}`, `uploadId=${uploadId}`]) {
    const { status, body } = await chunks(query)
    expect([status, body]).toEqual([200, known])
  }
})

test('21 chunks completed at once are 21', async () => {
  const { tell, chunks, sessionId } = await aSession()
  const indexes = Array.from({ length: 21 }, (_, chunkIndex) => chunkIndex)
  await Promise.all(
    indexes.map((chunkIndex) => tell({ sessionId, chunkIndex, status: 'completed' })),
  )
  const { body } = await chunks(`sessionId=${sessionId}`)
  expect([body.chunksCompleted, body.total, body.bytesUploaded]).toEqual([21, 21, 105 * MIB])
})

test('a chunk told three times counts once', async () => {
  const { tell, sessionId } = await aSession()
  const word = { sessionId, chunkIndex: 0, status: 'completed' }
  for (const _ of [1, 2, 3]) expect((await tell(word)).body.chunksCompleted).toBe(1)
})

test('what was completed stays so, whatever is said later', async () => {
  const { tell, chunks, sessionId } = await aSession()
  const word = { sessionId, chunkIndex: 7 }
  await tell({ ...word, status: 'completed', chunkHash: 'right', edgeId: 'fra-1' })
  for (const status of ['pending', 'uploading', 'failed']) {
    const { body } = await tell({ ...word, status, chunkHash: 'late', errorMessage: 'late' })
    expect([body.chunk.status, body.chunksCompleted]).toEqual(['completed', 1])
  }
  const { body } = await chunks(`sessionId=${sessionId}`)
  expect(body.chunks).toMatchObject([
    { status: 'completed', chunkHash: 'right', edgeId: 'fra-1', errorMessage: null },
  ])
})

test('1,000 chunks are one call', async () => {
  const { tell, chunks, uploadId } = await anOpenUpload(8000 * MIB)
  const many = Array.from({ length: 1000 }, (_, n) => ({ chunkIndex: n, status: 'completed' }))
  const { status, body } = await tell({ uploadId, chunks: many })
  expect([status, body]).toEqual([
    200,
    {
      success: true,
      message: '1000 chunks noted',
      accepted: 1000,
      chunksCompleted: 1000,
      chunksTotal: 1000,
    },
  ])
  expect((await chunks(`uploadId=${uploadId}`)).body.total).toBe(1000)
  expect((await tell({ uploadId, chunks: [...many, many[0]] })).status).toBe(400)
  expect((await tell({ uploadId, chunks: [] })).status).toBe(400)
})

test('10,000 chunks are ten calls, and read in one', async () => {
  const { tell, chunks, uploadId } = await anOpenUpload(640_000 * MIB)
  const said = { chunkHash: `sha256:${'a'.repeat(64)}`, edgeId: 'lon-1', bytesUploaded: 64 * MIB }
  for (let first = 0; first < 10_000; first += 1000) {
    const chunkIndexes = Array.from({ length: 1000 }, (_, n) => first + n)
    const many = chunkIndexes.map((chunkIndex) => ({ chunkIndex, status: 'completed', ...said }))
    expect((await tell({ uploadId, chunks: many })).status).toBe(200)
  }
  const { body } = await chunks(`uploadId=${uploadId}`)
  expect([body.total, body.chunksCompleted, body.bytesUploaded]).toEqual([
    10_000,
    10_000,
    640_000 * MIB,
  ])
  expect(body.chunks[9_999]).toMatchObject(said)
})

test('a chunk, or more bytes of one, than the upload has is 422, and nothing of the call counts', async () => {
  const { tell, chunks, sessionId } = await aSession()
  const good = { chunkIndex: 0, status: 'completed' }
  expect(await tell({ sessionId, ...good, chunkIndex: 21 })).toMatchObject(MISMATCH)
  const more = { ...good, chunkIndex: 20, bytesUploaded: 5 * MIB + 1 }
  expect(await tell({ sessionId, ...more })).toMatchObject(MISMATCH)
  expect(await tell({ sessionId, chunks: [good, more] })).toMatchObject(MISMATCH)
  expect((await chunks(`sessionId=${sessionId}`)).body).toMatchObject({ chunks: [], total: 0 })
})

test('a body that is not a word about a chunk is 400 and says where', async () => {
  const { tell, chunks, sessionId } = await aSession()
  const good = { chunkIndex: 0, status: 'completed' }
  const pointers = async (body: unknown) => {
    const answer = await tell(body)
    expect(answer.status).toBe(400)
    return answer.body.errors?.map((one: { pointer: string }) => one.pointer)
  }
  expect(await pointers(good)).toEqual([''])
  expect(await pointers({ sessionId: 'usr_1', ...good })).toEqual(['/sessionId'])
  expect(await pointers({ sessionId, ...good, chunkIndex: -1 })).toEqual(['/chunkIndex'])
  expect(await pointers({ sessionId, ...good, status: 'done' })).toEqual(['/status'])
  expect(await pointers({ sessionId, ...good, bytesUploaded: -5 })).toEqual(['/bytesUploaded'])
  expect(await pointers({ sessionId, chunks: [good, { chunkIndex: 1 }] })).toEqual([
    '/chunks/1/status',
  ])
  expect(await pointers([])).toEqual([''])
  expect((await chunks()).status).toBe(400)
})

test('without a key there is no answer', async () => {
  expect((await call(POST, 'POST', PATH, { body: {} })).status).toBe(401)
  expect((await call(GET, 'GET', PATH)).status).toBe(401)
})

test('uploads and sessions of somebody else are not there', async () => {
  const { tell, chunks, sessionId, uploadId } = await aSession()
  const stranger = await aSession()
  const word = { chunkIndex: 0, status: 'completed' }
  for (const key of [
    { sessionId },
    { uploadId },
    { sessionId: randomUUID() },
    { uploadId: randomUUID() },
    { sessionId, uploadId: stranger.uploadId },
    { sessionId: stranger.sessionId, uploadId },
  ]) {
    expect(await stranger.tell({ ...key, ...word })).toMatchObject(NOT_FOUND)
    expect(await stranger.chunks(`${new URLSearchParams(Object.entries(key))}`)).toMatchObject(
      NOT_FOUND,
    )
  }
  expect((await tell({ sessionId, uploadId, ...word })).status).toBe(200)
  expect((await chunks(`uploadId=${uploadId}`)).body.chunksCompleted).toBe(1)
})

test('an aborted upload takes no word and has no chunks', async () => {
  const { tell, chunks, abort, uploadId } = await anOpenUpload()
  const word = { uploadId, chunkIndex: 0, status: 'completed' }
  await tell(word)
  await abort(uploadId)
  expect(await tell(word)).toMatchObject({
    status: 409,
    body: { type: '/errors/upload-closed', uploadStatus: 'aborted' },
  })
  expect((await chunks(`uploadId=${uploadId}`)).body).toMatchObject({
    chunksCompleted: 0,
    total: 0,
  })
})

test('of an upload that is done all chunks are completed, whatever was or is said', async () => {
  const { tell, chunks, uploadId, finish } = await aHalfUpload()
  await tell({ uploadId, chunkIndex: 1, status: 'failed' })
  await finish()
  const late = await tell({ uploadId, chunkIndex: 2, status: 'uploading' })
  expect(late.body).toMatchObject({ chunk: { status: 'completed' }, chunksCompleted: 4 })
  const { body } = await chunks(`uploadId=${uploadId}`)
  expect(body).toMatchObject({ total: 4, chunksCompleted: 4, bytesUploaded: 17 * MIB })
  expect(new Set(body.chunks.map((one: { status: string }) => one.status))).toEqual(
    new Set(['completed']),
  )
})

test('an empty ledger is filled from what the store has', async () => {
  const { chunks, uploadId, content } = await aHalfUpload()
  const { body } = await chunks(`uploadId=${uploadId}`)
  const filled = {
    total: 2,
    chunksCompleted: 2,
    chunksTotal: 4,
    bytesUploaded: 7 * MIB,
    chunks: [
      { chunkIndex: 0, status: 'completed', bytesUploaded: 5 * MIB, timestamp: null },
      {
        chunkIndex: 3,
        status: 'completed',
        bytesUploaded: 2 * MIB,
        chunkHash: content.partHashes[3],
      },
    ],
  }
  expect(body).toMatchObject({ ...filled, source: 'store' })
  expect((await chunks(`uploadId=${uploadId}`)).body).toMatchObject({ ...filled, source: 'ledger' })
})

test('a ledger that Redis lost in between is whole again, together with what was said since', async () => {
  const { tell, chunks, track, follow, uploadId, finish } = await aHalfUpload()
  const { sessionId } = (await track({ action: 'start', uploadId })).body.session
  const report = { action: 'progress', sessionId, bytesUploaded: 7 * MIB }
  await tell({
    uploadId,
    chunks: [0, 3].map((chunkIndex) => ({ chunkIndex, status: 'completed' })),
  })
  await track({
    ...report,
    completed: [
      [0, 0],
      [3, 3],
    ],
  })
  await forget(uploadId)

  expect((await follow()).body.uploads[0]).toMatchObject({
    chunksCompleted: 2,
    bytesUploaded: 7 * MIB,
  })
  expect((await track(report)).body.progress).toMatchObject({ chunksCompleted: 2 })
  await tell({ uploadId, chunkIndex: 1, status: 'uploading' })
  const said = await tell({ uploadId, chunkIndex: 3, status: 'completed' })
  expect(said.body.chunksCompleted).toBe(2)
  expect((await chunks(`uploadId=${uploadId}`)).body).toMatchObject({
    total: 3,
    chunksCompleted: 2,
    source: 'store',
    chunks: [{ status: 'completed' }, { status: 'uploading' }, { status: 'completed' }],
  })
  expect((await follow()).body.uploads[0].chunksCompleted).toBe(2)

  await finish()
  await forget(uploadId)
  const { body } = await track({ action: 'complete', sessionId })
  expect(body).toMatchObject({ session: { status: 'completed' }, progress: { percent: 100 } })
})

test('a ledger is kept for seven days after the last word', async () => {
  const { tell, track, uploadId, sessionId } = await aSession()
  await tell({ uploadId, chunkIndex: 0, status: 'completed' })
  const keys = await redis.keys(`*${uploadId}*`)
  await Promise.all(keys.map((key) => redis.expire(key, 60)))
  await track({ action: 'progress', sessionId, completed: [[0, 1]] })
  await tell({ uploadId, chunkIndex: 2, status: 'uploading' })
  const seconds = await Promise.all(keys.map((key) => redis.ttl(key)))
  expect(seconds.map((one) => one > 7 * 86_400 - 60 && one <= 7 * 86_400)).toEqual([true, true])
})
