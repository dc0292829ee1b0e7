import { afterEach, expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'

const proxies = await throughProxies()
const { sendParts } = await import('../../local/uploading.ts')
const { aDeclared, anOpenUpload, MIB } = await import('./tracking.ts')

afterEach(() => {
  for (const proxy of Object.values(proxies)) proxy.fault = undefined
})

/** Round trips of a call, authentication (one of Redis) among them. */
async function cost(act: () => Promise<{ status: number }>) {
  for (const proxy of Object.values(proxies)) proxy.passed.length = 0
  const { status } = await act()
  const trips = Object.entries(proxies).map(([name, { passed }]) => [name, passed.length])
  return { status, ...Object.fromEntries(trips) }
}

async function aHalfUpload() {
  const upload = await anOpenUpload()
  const content = await aContent(17 * MIB)
  const [result] = (await upload.start([content, { path: 'half' }])).body.results
  await sendParts(result, content, [1, 4])
  return { ...upload, uploadId: result.uploadId as string }
}

test('a report costs one SQL and one Redis, two more with timings, however much it tells', async () => {
  const { track, uploadId } = await anOpenUpload(8000 * MIB)
  const sessionId = crypto.randomUUID()
  const one = { status: 200, redis: 2, sql: 1, s3: 0 }
  const report = { action: 'progress', sessionId, uploadId, completed: [[0, 999]] }
  expect(await cost(() => track({ action: 'start', sessionId, uploadId }))).toEqual(one)
  expect(await cost(() => track(report))).toEqual(one)
  expect(await cost(() => track({ ...report, sessionId: crypto.randomUUID() }))).toEqual(one)
  const timings = Array.from({ length: 1000 }, (_, chunkIndex) => ({
    edgeId: chunkIndex % 2 ? 'direct' : 'lon-1',
    chunkIndex,
    bytes: 8 * MIB,
    durationMs: 900,
  }))
  expect(await cost(() => track({ ...report, timings }))).toEqual({ ...one, redis: 4 })
  expect(await cost(() => track({ action: 'fail', sessionId }))).toEqual(one)
  const refused = { status: 409, redis: 1, sql: 1, s3: 0 }
  expect(await cost(() => track(report))).toEqual(refused)
})

test('looking at 1 or 30 uploads costs one SQL and one Redis', async () => {
  const { follow, start, uploadId } = await anOpenUpload()
  const one = { status: 200, redis: 2, sql: 1, s3: 0 }
  expect(await cost(() => follow(`uploadId=${uploadId}`))).toEqual(one)
  for (let n = 0; n < 30; n++) await start([await aDeclared(20 * MIB), { path: `${n}` }])
  expect(await cost(() => follow('limit=30'))).toEqual(one)
})

test('words about chunks cost one SQL and one Redis, and so does reading them once the store was asked', async () => {
  const { tell, chunks, uploadId } = await aHalfUpload()
  const one = { status: 200, redis: 2, sql: 1, s3: 0 }
  const read = () => chunks(`uploadId=${uploadId}`)
  expect(await cost(() => tell({ uploadId, chunkIndex: 0, status: 'completed' }))).toEqual(one)
  const many = Array.from({ length: 1000 }, () => ({ chunkIndex: 1, status: 'uploading' }))
  expect(await cost(() => tell({ uploadId, chunks: many }))).toEqual(one)
  expect(await cost(read)).toEqual({ ...one, redis: 3, s3: 1 })
  expect(await cost(read)).toEqual(one)
})

test('without Redis every call answers, from what Postgres and the store know', async () => {
  const { track, follow, tell, chunks, uploadId } = await aHalfUpload()
  const { sessionId } = (await track({ action: 'start', uploadId })).body.session
  proxies.redis.fault = () => 'refuse'
  const word = { uploadId, chunkIndex: 2, status: 'completed' }
  expect(await tell(word)).toMatchObject({
    status: 200,
    body: { chunk: { status: 'completed' }, chunksCompleted: null, chunksTotal: 4 },
  })
  const report = { action: 'progress', sessionId, completed: [[0, 1]], bytesUploaded: 10 * MIB }
  const timings = [{ edgeId: 'direct', chunkIndex: 0, bytes: 1, durationMs: 1 }]
  expect(await track({ ...report, timings })).toMatchObject({
    status: 200,
    body: { progress: { chunksCompleted: 2, bytesUploaded: 10 * MIB }, reportAfterSeconds: 60 },
  })
  expect((await tell(word)).body.chunksCompleted).toBe(2)
  expect((await follow(`uploadId=${uploadId}`)).body.uploads).toMatchObject([
    { chunksCompleted: 2 },
  ])
  expect((await chunks(`uploadId=${uploadId}`)).body).toMatchObject({
    chunksCompleted: 2,
    bytesUploaded: 7 * MIB,
    source: 'store',
  })
})

test('without the store a ledger is answered as it is, and compared with the store later', async () => {
  const { tell, chunks, uploadId } = await aHalfUpload()
  const read = () => chunks(`uploadId=${uploadId}`)
  proxies.s3.fault = () => ({ status: 503, body: '' })
  expect(await read()).toMatchObject({ status: 503, body: { type: '/errors/store-unavailable' } })
  await tell({ uploadId, chunkIndex: 0, status: 'completed' })
  expect((await read()).body).toMatchObject({ chunksCompleted: 1, source: 'ledger' })
  proxies.s3.fault = undefined
  expect((await read()).body).toMatchObject({ chunksCompleted: 2, source: 'store' })
})
