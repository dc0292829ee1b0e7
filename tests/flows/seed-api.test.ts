import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { secondsFor } from '../../lib/strategy/plan-upload.ts'
import { anAccount } from '../local/account.ts'
import { aContent, partOf, type TestContent } from '../local/content.ts'
import { startFunctions } from '../local/functions.ts'
import { sendParts, uploader } from '../local/uploading.ts'

/*
 * The examples of the old API's reference, as requests over HTTP, in the order of its own walk-through. Where docs/api.md
 * says that something is different now, so does a test here.
 */

const MIB = 1024 ** 2
const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const UUID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
const SAN_FRANCISCO = { lat: 37.7749, lng: -122.4194, city: 'San Francisco' }
const ENDPOINTS = ['optimal-edges', 'check-duplicate', 'cache-chunk', 'track-upload', 'user-stats']

const functions = await startFunctions()
afterAll(() => functions.stop())

type Said = {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into
  body: any
}

/** What the old reference's curl does: a path below /api/jetty, a bearer token, JSON. */
function client(apiKey: string) {
  const ask = async (method: string, path: string, body?: object): Promise<Said> => {
    const response = await fetch(`${functions.url}/api/jetty/${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
    }
  }
  return {
    get: (path: string) => ask('GET', path),
    post: (path: string, body: object) => ask('POST', path, body),
    ask,
  }
}

/** An account with a content it has not stored, and an upload of it that is open. */
async function anOpenUpload() {
  const account = await anAccount()
  const content = await aContent(17 * MIB)
  const { start } = uploader(account.apiKey)
  const { body } = await start([content, { path: 'videos/holiday.mp4' }])
  return { ...account, ...client(account.apiKey), content, result: body.results[0] }
}

/** The fields that the old reference sends with a file. */
function fileOf({ fileHash, fileSize }: TestContent, userId: string) {
  return { userId, fileHash, fileSize, fileName: 'holiday.mp4' }
}

test('the walk-through: unknown content, edges, start, chunks, progress, complete, known content', async () => {
  const { apiKey, userId } = await anAccount()
  const { get, post } = client(apiKey)
  const content = await aContent(17 * MIB)
  const file = fileOf(content, userId)

  const unknown = await post('check-duplicate', file)
  expect(unknown.status).toBe(200)
  expect(unknown.body).toEqual({ isDuplicate: false, message: expect.any(String) })

  const ways = await post('optimal-edges', {
    ...file,
    userLocation: SAN_FRANCISCO,
    priority: 'speed',
  })
  expect(ways.status).toBe(200)
  expect(ways.body.duplicate).toBeNull()
  const { chunkSize, threads } = ways.body.strategy

  // New: bytes go up by presigned URLs, so an upload is opened first; the old API had none.
  const { start, complete } = uploader(apiKey)
  const [result] = (await start([content, { path: 'holiday.mp4' }])).body.results
  expect(result.partSize).toBe(chunkSize)

  const started = await post('track-upload', {
    ...file,
    action: 'start',
    chunkSize,
    threads,
    edgesUsed: ways.body.edges.map(({ id }: { id: string }) => id),
    uploadVia: 'api',
    jettySpeedEnabled: true,
  })
  expect(started.status).toBe(200)
  expect(started.body).toMatchObject({ success: true, message: expect.any(String) })
  const { sessionId, fileId, chunksTotal } = started.body.session
  // Null now, not a guess, until something was sent.
  expect(started.body.session).toMatchObject({ sessionId: UUID, estimatedTime: null })
  expect([fileId, chunksTotal]).toEqual([result.uploadId, 4])

  for (const chunkIndex of [0, 1, 2, 3]) {
    expect(await sendParts(result, content, [chunkIndex + 1])).toEqual([200])
    const chunkHash = `sha256:${chunkIndex}`
    const bytesUploaded = partOf(content, chunkIndex + 1).length
    const chunk = { sessionId, chunkIndex, status: 'completed', edgeId: 'sfo-1', bytesUploaded }
    const cached = await post('cache-chunk', { ...chunk, chunkHash })
    expect(cached.status).toBe(200)
    expect(cached.body).toMatchObject({
      success: true,
      message: expect.any(String),
      chunk: { sessionId, chunkIndex, status: 'completed' },
    })
  }
  const readBack = await get(`cache-chunk?sessionId=${sessionId}`)
  expect(readBack.status).toBe(200)
  expect(readBack.body.total).toBe(4)
  expect(readBack.body.chunks[2]).toMatchObject({
    chunkIndex: 2,
    chunkHash: 'sha256:2',
    edgeId: 'sfo-1',
    status: 'completed',
    bytesUploaded: chunkSize,
    timestamp: ISO,
  })

  const told = { chunksCompleted: 4, bytesUploaded: content.fileSize }
  const progress = await post('track-upload', { action: 'progress', sessionId, ...told })
  expect(progress.status).toBe(200)
  expect(progress.body).toMatchObject({ success: true, progress: told })

  await complete(result.uploadId)
  const ended = await post('track-upload', { action: 'complete', sessionId, actualCost: 0.0016 })
  expect(ended.status).toBe(200)
  expect(ended.body).toMatchObject({
    success: true,
    message: expect.any(String),
    sessionId,
    session: { sessionId, status: 'completed' },
  })

  const known = await post('check-duplicate', { ...file, fileName: 'same-holiday.mp4' })
  expect(known.body).toEqual({
    isDuplicate: true,
    file: {
      fileId: ended.body.session.fileId,
      url: expect.stringMatching(/^\/api\/storage\/download\?fileId=/),
      fileName: 'holiday.mp4',
      fileSize: content.fileSize,
      mimeType: 'application/octet-stream',
      uploadCount: 1,
      firstUploadedAt: ISO,
    },
    savings: { bytes: content.fileSize, cost: 0.0017 },
    message: expect.any(String),
  })

  const again = await post('optimal-edges', file)
  expect(again.body.duplicate).toEqual({
    fileId: ended.body.session.fileId,
    url: known.body.file.url,
    savedBytes: content.fileSize,
    savedCost: 0.0017,
    message: expect.any(String),
  })
})

test('user-stats tells what the walk-through did, for its period only', async () => {
  const { apiKey, userId, post, get, content, result } = await anOpenUpload()
  const { sessionId } = (
    await post('track-upload', {
      ...fileOf(content, userId),
      action: 'start',
      uploadVia: 'desktop',
    })
  ).body.session
  await sendParts(result, content)
  const told = { chunksCompleted: 2, bytesUploaded: 10 * MIB }
  await post('track-upload', { action: 'progress', sessionId, ...told })

  const running = await get(`user-stats?userId=${userId}&period=24h`)
  expect(running.status).toBe(200)
  expect(running.headers.get('cache-control')).toBe('no-store')
  expect(running.body).toMatchObject({
    period: '24h',
    userId,
    timestamp: ISO,
    connection: { status: 'connected', active_edges: [], average_latency_ms: null },
    file_transfers: { total_uploads: 0, total_downloads: 0, recent_activity: [] },
    performance: {
      cache_hit_rate_percent: null,
      bandwidth_saved_gb: 0,
      average_download_ms: null,
      upload_acceleration: null,
    },
  })
  expect(running.body.file_transfers.active_transfers).toEqual([
    {
      session_id: sessionId,
      upload_id: result.uploadId,
      file_name: 'holiday.mp4',
      file_size: content.fileSize,
      progress_percent: expect.any(Number),
      speed_mbps: expect.any(Number),
      edges_used: expect.any(Array),
      started_at: ISO,
    },
  ])

  await uploader(apiKey).complete(result.uploadId)
  await post('track-upload', { action: 'complete', sessionId })
  const { file_transfers } = (await get('user-stats?period=1h')).body
  expect(file_transfers).toMatchObject({ total_uploads: 1, active_transfers: [] })
  expect(file_transfers.recent_activity[0]).toMatchObject({
    timestamp: ISO,
    type: 'upload',
    file_name: 'holiday.mp4',
    file_size: content.fileSize,
    duration_seconds: expect.any(Number),
    cache_hit: false,
  })
})

test('the time left is reckoned as the estimate is: bits by bits per second', async () => {
  const { userId, post, content } = await anOpenUpload()
  const file = fileOf(content, userId)
  const { sessionId } = (await post('track-upload', { ...file, action: 'start' })).body.session
  // Speed is reckoned over a second at least.
  await sleep(1_050)
  const told = { chunksCompleted: 1, bytesUploaded: 5 * MIB }
  const { body } = await post('track-upload', { action: 'progress', sessionId, ...told })
  const { speed, secondsLeft } = body.progress
  expect(speed).toBeGreaterThan(0)
  const estimated = secondsFor(12 * MIB, (speed * 8) / 1_000_000)
  expect(Math.abs(secondsLeft - estimated)).toBeLessThanOrEqual(1)
  expect(body.session.estimatedTime).toBe(secondsLeft)
})

test('resume: what was completed is read back by the session, another attempt sends the rest', async () => {
  const { apiKey, userId, post, get, content, result } = await anOpenUpload()
  const file = fileOf(content, userId)
  const first = (await post('track-upload', { ...file, action: 'start' })).body.session
  expect(await sendParts(result, content, [1, 3])).toEqual([200, 200])
  for (const chunkIndex of [0, 2])
    await post('cache-chunk', { sessionId: first.sessionId, chunkIndex, status: 'completed' })
  const failed = await post('track-upload', {
    action: 'fail',
    sessionId: first.sessionId,
    chunksCompleted: 2,
    bytesUploaded: 10 * MIB,
    errorMessage: 'Network connection lost',
  })
  expect(failed.status).toBe(200)
  expect(failed.body).toMatchObject({
    success: true,
    sessionId: first.sessionId,
    session: { sessionId: first.sessionId, status: 'failed' },
  })

  const { chunks } = (await get(`cache-chunk?sessionId=${first.sessionId}`)).body
  const completed = chunks.filter(({ status }: { status: string }) => status === 'completed')
  expect(completed.map(({ chunkIndex }: { chunkIndex: number }) => chunkIndex)).toEqual([0, 2])
  const second = (await post('track-upload', { ...file, action: 'start' })).body.session
  expect(second.sessionId).not.toBe(first.sessionId)
  const { body } = await uploader(apiKey).start([content, { path: 'videos/holiday.mp4' }])
  expect(body.results[0].storedParts).toEqual([
    [1, 1],
    [3, 3],
  ])
  expect(await sendParts(body.results[0], content)).toEqual([200, 200])
  await uploader(apiKey).complete(result.uploadId)
  const ended = await post('track-upload', { action: 'complete', sessionId: second.sessionId })
  expect(ended.status).toBe(200)
})

test('another userId in the body changes nothing: the account is the key’s', async () => {
  const owner = await anOpenUpload()
  await sendParts(owner.result, owner.content)
  await uploader(owner.apiKey).complete(owner.result.uploadId)
  const stranger = client((await anAccount()).apiKey)

  const file = fileOf(owner.content, owner.userId)
  expect((await owner.post('check-duplicate', file)).body.isDuplicate).toBe(true)
  expect((await stranger.post('check-duplicate', file)).body.isDuplicate).toBe(false)
  expect((await stranger.post('optimal-edges', file)).body.duplicate).toBeNull()
  expect((await stranger.post('track-upload', { ...file, action: 'start' })).status).toBe(404)
  const { body } = await stranger.get(`user-stats?userId=${owner.userId}`)
  expect(body.userId).not.toBe(owner.userId)
  expect(body.file_transfers.total_uploads).toBe(0)
})

test("others' sessions are as absent as those of nobody", async () => {
  const owner = await anOpenUpload()
  const file = fileOf(owner.content, owner.userId)
  const { sessionId } = (await owner.post('track-upload', { ...file, action: 'start' })).body
    .session
  const { get, post } = client((await anAccount()).apiKey)
  for (const id of [sessionId, '00000000-0000-4000-8000-000000000000']) {
    const chunk = { sessionId: id, chunkIndex: 0, status: 'completed' }
    const told = { sessionId: id, chunksCompleted: 1, bytesUploaded: 1 }
    const statuses = await Promise.all([
      post('cache-chunk', chunk),
      get(`cache-chunk?sessionId=${id}`),
      post('track-upload', { action: 'progress', ...told }),
      post('track-upload', { action: 'complete', sessionId: id }),
      post('track-upload', { action: 'fail', sessionId: id, errorMessage: 'x' }),
    ])
    expect(statuses.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404])
  }
  expect((await owner.get(`cache-chunk?sessionId=${sessionId}`)).body.chunks).toEqual([])
})

test.each(ENDPOINTS)('%s takes no made-up token, and none at all', async (endpoint) => {
  const method = endpoint === 'user-stats' ? 'GET' : 'POST'
  const body = method === 'GET' ? undefined : {}
  const refused = await client('test-api-key-12345').ask(method, endpoint, body)
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toContain('Bearer')
  expect(refused.body).toMatchObject({ type: '/errors/unauthorized', status: 401 })
  const bare = await fetch(`${functions.url}/api/jetty/${endpoint}`, { method })
  expect(bare.status).toBe(401)
})

test.each([
  ['optimal-edges', 'GET'],
  ['check-duplicate', 'GET'],
  ['cache-chunk', 'DELETE'],
  ['track-upload', 'PUT'],
  ['user-stats', 'POST'],
])('%s does not take %s', async (endpoint, method) => {
  const { apiKey } = await anAccount()
  expect((await client(apiKey).ask(method, endpoint)).status).toBe(405)
})

test.each([
  ['optimal-edges', { userId: 'usr_1', fileSize: -5 }],
  ['check-duplicate', { userId: 'usr_1' }],
  ['cache-chunk', { sessionId: 'abc', chunkIndex: 0, status: 'completed' }],
  ['track-upload', { action: 'pause' }],
  ['track-upload', {}],
])('%s says what is wrong with a bad body', async (endpoint, body) => {
  const { apiKey } = await anAccount()
  const refused = await client(apiKey).post(endpoint, body)
  expect(refused.status).toBe(400)
  expect(refused.body).toMatchObject({ type: '/errors/invalid-request', status: 400 })
  expect(refused.body.errors[0]).toEqual({
    pointer: expect.stringMatching(/^\//),
    detail: expect.any(String),
  })
})
