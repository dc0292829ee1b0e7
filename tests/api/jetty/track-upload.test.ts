import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { GET, POST } from '../../../api/jetty/track-upload.ts'
import { query } from '../../../lib/db/client.ts'
import { readStanding } from '../../../lib/edges/standing.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { aDeclared, anOpenUpload, MIB, tracker } from '../../lib/sessions/tracking.ts'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { sendParts, uploader } from '../../local/uploading.ts'

const PATH = '/api/jetty/track-upload'
const CLOSED = { status: 409, body: { type: '/errors/session-closed' } }
const NOT_FOUND = { status: 404, body: { type: '/errors/not-found' } }
const MISMATCH = { status: 422, body: { type: '/errors/progress-mismatch' } }

/** An open upload with a session on it. */
async function aSession(fileSize?: number) {
  const upload = await anOpenUpload(fileSize)
  const { body } = await upload.track({ action: 'start', uploadId: upload.uploadId })
  return { ...upload, sessionId: body.session.sessionId as string }
}

/** An upload that is done, with a session on it from before. */
async function aDoneUpload() {
  const { apiKey } = await anAccount()
  const content = await aContent(3000)
  const { start, complete } = uploader(apiKey)
  const [result] = (await start([content, { path: 'a' }])).body.results
  const calls = tracker(apiKey)
  const { uploadId } = result
  const { body } = await calls.track({ action: 'start', uploadId })
  await sendParts(result, content)
  await complete(uploadId)
  return { apiKey, content, uploadId, sessionId: body.session.sessionId as string, ...calls }
}

async function rowOf(sessionId: string) {
  const [row] = await query(sql`SELECT * FROM upload_sessions WHERE id = ${sessionId}`)
  return row
}

/** As if everything that happened to a session had happened so many seconds earlier. */
async function passSeconds(sessionId: string, seconds: number): Promise<void> {
  await query(sql`UPDATE upload_sessions SET updated_at = updated_at - make_interval(secs => ${seconds})
    WHERE id = ${sessionId}`)
}

test('a session starts on an open upload, by its id or by its content', async () => {
  const { track, uploadId, content } = await anOpenUpload()
  const { status, body } = await track({
    action: 'start',
    uploadId,
    uploadVia: 'desktop',
    threads: 24,
    edgesUsed: ['lon-1', 'direct', 'made-up-1'],
  })
  expect(status).toBe(200)
  expect(body).toEqual({
    success: true,
    message: 'Session started',
    sessionId: body.session.sessionId,
    session: {
      sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      uploadId,
      fileId: uploadId,
      status: 'in_progress',
      chunksTotal: 21,
      chunksCompleted: 0,
      bytesUploaded: 0,
      estimatedTime: null,
    },
    progress: { chunksCompleted: 0, bytesUploaded: 0, percent: 0, speed: 0, secondsLeft: null },
    reportAfterSeconds: 60,
  })
  expect(await rowOf(body.session.sessionId)).toMatchObject({
    upload_via: 'desktop',
    threads: 24,
    edges_used: ['direct', 'lon-1'],
  })

  const { fileHash, fileSize } = content
  const other = await track({ action: 'start', fileHash, fileSize })
  expect(other.body.session.uploadId).toBe(uploadId)
  expect(other.body.session.sessionId).not.toBe(body.session.sessionId)
})

test('fields of the old API are accepted and mean nothing', async () => {
  const { track, content, uploadId } = await anOpenUpload()
  const { status, body } = await track({
    action: 'start',
    userId: 'somebody-else',
    fileId: 'file_1',
    fileName: 'a.mp4',
    fileHash: content.fileHash,
    fileSize: content.fileSize,
    chunkSize: 52_428_800,
    chunksTotal: -7,
    estimatedCost: -1,
    jettySpeedEnabled: 'yes',
  })
  expect([status, body.session?.uploadId, body.session?.chunksTotal]).toEqual([200, uploadId, 21])
  const { sessionId } = body.session
  const ended = await track({ action: 'fail', sessionId, actualCost: -5, errorMessage: 'gone' })
  expect(ended.status).toBe(200)
})

test('the same start again is the same session, also by content after the upload was done', async () => {
  const { track, sessionId, content } = await aDoneUpload()
  const { fileHash, fileSize } = content
  const again = await track({ action: 'start', sessionId, fileHash, fileSize })
  expect([again.status, again.body.session.sessionId]).toEqual([200, sessionId])

  const open = await anOpenUpload()
  const named = { action: 'start', uploadId: open.uploadId, sessionId: randomUUID() }
  await Promise.all(Array.from({ length: 5 }, () => open.track(named)))
  const { body } = await open.follow()
  expect(body.uploads[0].sessions).toHaveLength(1)
})

test('progress moves a session on, never back, and is a sign of life of the upload', async () => {
  const { track, sessionId, uploadId } = await aSession()
  await query(sql`UPDATE uploads SET expires_at = now() + interval '1 hour' WHERE id = ${uploadId}`)
  const report = { action: 'progress', sessionId }
  await passSeconds(sessionId, 10)
  const moved = await track({ ...report, chunksCompleted: 4, bytesUploaded: 21 * MIB })
  expect(moved.body).toMatchObject({
    message: 'Progress noted',
    session: { status: 'in_progress', chunksCompleted: 4, bytesUploaded: 21 * MIB },
    progress: { chunksCompleted: 4, bytesUploaded: 21 * MIB, percent: 20 },
  })
  const { speed, secondsLeft } = moved.body.progress
  expect(speed / (2.1 * MIB)).toBeGreaterThan(0.8)
  expect(speed / (2.1 * MIB)).toBeLessThanOrEqual(1)
  expect(secondsLeft).toBe(Math.ceil((84 * MIB) / speed))
  expect(moved.body.session.estimatedTime).toBe(secondsLeft)

  const late = await track({ ...report, chunksCompleted: 2, bytesUploaded: 10 * MIB })
  expect(late.body.session).toMatchObject({ chunksCompleted: 4, bytesUploaded: 21 * MIB })
  expect(late.body.progress.speed).toBe(speed)
  const [upload] = await query(
    sql`SELECT expires_at > now() + interval '6 days 23 hours' AS lives FROM uploads WHERE id = ${uploadId}`,
  )
  expect(upload?.lives).toBe(true)
})

test('a report with the upload makes the session where there is none; without, it is 404', async () => {
  const { track, uploadId, follow } = await anOpenUpload()
  const sessionId = randomUUID()
  const report = { action: 'progress', sessionId, chunksCompleted: 1, bytesUploaded: 5 * MIB }
  expect(await track(report)).toMatchObject(NOT_FOUND)
  const made = await track({ ...report, uploadId, uploadVia: 'web', edgesUsed: ['fra-1'] })
  expect(made).toMatchObject({ status: 200, body: { session: { chunksCompleted: 1 } } })
  expect((await follow()).body.uploads[0].sessions).toMatchObject([
    { sessionId, uploadVia: 'web', edgesUsed: ['fra-1'], chunksCompleted: 1 },
  ])
})

test('a client that tells only its end is one session, ended', async () => {
  const { track, uploadId } = await aDoneUpload()
  const sessionId = randomUUID()
  const ended = { action: 'complete', sessionId, uploadId, completed: [[0, 0]] }
  expect(await track(ended)).toMatchObject({
    status: 200,
    body: { session: { status: 'completed' } },
  })

  const open = await anOpenUpload()
  const failed = { action: 'fail', sessionId: randomUUID(), uploadId: open.uploadId }
  expect((await open.track(failed)).body.session.status).toBe('failed')
})

test('a session completes only when its upload is done; then the file is known', async () => {
  const open = await aSession()
  const early = { action: 'complete', sessionId: open.sessionId }
  const refused = { status: 409, body: { type: '/errors/parts-missing', uploadStatus: 'open' } }
  expect(await open.track(early)).toMatchObject(refused)
  const unheard = { action: 'complete', sessionId: randomUUID(), uploadId: open.uploadId }
  expect(await open.track(unheard)).toMatchObject(refused)
  expect((await open.follow()).body.uploads[0].sessions).toMatchObject([{ status: 'in_progress' }])

  const { apiKey, track, sessionId, uploadId } = await aDoneUpload()
  const { body } = await track({ action: 'complete', sessionId })
  const { targets } = (await uploader(apiKey).read(uploadId)).body
  expect(body).toMatchObject({
    message: 'Session completed',
    session: {
      status: 'completed',
      fileId: targets[0].fileId,
      chunksCompleted: 1,
      bytesUploaded: 3000,
    },
    progress: {
      chunksCompleted: 1,
      bytesUploaded: 3000,
      percent: 100,
      speed: 0,
      secondsLeft: null,
    },
  })
})

test('an ending repeated is the same answer; another one, or progress, after it is refused', async () => {
  const { track, sessionId } = await aDoneUpload()
  const completed = await track({ action: 'complete', sessionId })
  expect((await track({ action: 'complete', sessionId })).body).toEqual(completed.body)
  for (const action of ['fail', 'progress'])
    expect(await track({ action, sessionId })).toMatchObject({
      ...CLOSED,
      body: { ...CLOSED.body, sessionStatus: 'completed' },
    })

  const open = await aSession()
  const end = { action: 'fail', sessionId: open.sessionId, errorMessage: 'no more disk\0' }
  const failed = await open.track(end)
  expect((await open.track({ ...end, errorMessage: 'other' })).body).toEqual(failed.body)
  expect(await rowOf(open.sessionId)).toMatchObject({
    status: 'failed',
    error_message: 'no more disk\ufffd',
  })
  for (const action of ['complete', 'progress'])
    expect(await open.track({ action, sessionId: open.sessionId })).toMatchObject(CLOSED)
  expect((await open.read(open.uploadId)).body.status).toBe('open')
})

test('of a completion and a failure at once one wins', async () => {
  const { track, sessionId } = await aDoneUpload()
  const answers = await Promise.all(
    ['complete', 'fail', 'complete', 'fail'].map((action) => track({ action, sessionId })),
  )
  const statuses = answers.map(({ status }) => status)
  expect([...statuses].sort()).toEqual([200, 200, 409, 409])
  expect(statuses[0]).toBe(statuses[2])
})

test('figures that the upload does not have are refused and change nothing', async () => {
  const { track, sessionId, uploadId, chunks } = await aSession()
  await track({ action: 'progress', sessionId, chunksCompleted: 3, bytesUploaded: 15 * MIB })
  const before = await rowOf(sessionId)
  const timing = { edgeId: 'direct', chunkIndex: 0, bytes: 1, durationMs: 1 }
  for (const figures of [
    { chunksCompleted: 22 },
    { bytesUploaded: 105 * MIB + 1 },
    { completed: [[20, 21]] },
    { completed: [[0, 4e15]] },
    { timings: [{ ...timing, chunkIndex: 21 }] },
    { timings: [{ ...timing, bytes: 6 * MIB }] },
  ]) {
    expect(
      await track({ action: 'progress', sessionId, ...figures }),
      JSON.stringify(figures),
    ).toMatchObject(MISMATCH)
    const unheard = { action: 'progress', sessionId: randomUUID(), uploadId, ...figures }
    expect(await track(unheard)).toMatchObject(MISMATCH)
  }
  for (const figures of [
    { chunksCompleted: -1 },
    { bytesUploaded: -5 },
    { bytesUploaded: 1.5 },
    { completed: [[3, 2]] },
    { completed: [[-1, 2]] },
    { completed: Array.from({ length: 10_001 }, () => [0, 0]) },
    { timings: [{ ...timing, durationMs: -1 }] },
    { timings: [{ ...timing, edgeId: 'a\0b' }] },
    { timings: Array.from({ length: 1001 }, () => timing) },
  ]) {
    const answer = await track({ action: 'progress', sessionId, ...figures })
    expect([answer.status, answer.body.type]).toEqual([400, '/errors/invalid-request'])
  }
  expect(await rowOf(sessionId)).toEqual(before)
  expect((await chunks(`uploadId=${uploadId}`)).body.chunksCompleted).toBe(0)
})

test('a body that is not a report is 400 and says where', async () => {
  const { track } = await anOpenUpload()
  const pointers = async (body: unknown) => {
    const answer = await track(body)
    expect(answer.status).toBe(400)
    return answer.body.errors?.map((one: { pointer: string }) => one.pointer)
  }
  expect(await pointers({ action: 'pause' })).toEqual(['/action'])
  expect(await pointers({ action: 'start' })).toEqual([''])
  expect(await pointers({ action: 'start', fileHash: 'abc', fileSize: -5 })).toEqual([
    '/fileHash',
    '/fileSize',
  ])
  expect(await pointers({ action: 'progress' })).toEqual(['/sessionId'])
  const timings = [{ edgeId: 'direct', chunkIndex: 0, bytes: 1, durationMs: 1 }, {}]
  expect(await pointers({ action: 'fail', sessionId: randomUUID(), timings })).toEqual([
    '/timings/1/edgeId',
  ])
  expect(await pointers('{')).toBeUndefined()
})

test('without a key there is no answer', async () => {
  expect((await call(POST, 'POST', PATH, { body: { action: 'start' } })).status).toBe(401)
  expect((await call(GET, 'GET', PATH)).status).toBe(401)
})

test('sessions and uploads of somebody else are not there, and cannot be taken over', async () => {
  const { sessionId, uploadId, content, follow } = await aSession()
  const stranger = await anOpenUpload()
  const { fileHash, fileSize } = content
  for (const action of ['progress', 'complete', 'fail'])
    expect(await stranger.track({ action, sessionId })).toMatchObject(NOT_FOUND)
  for (const action of ['start', 'progress', 'fail']) {
    expect(await stranger.track({ action, sessionId: randomUUID(), uploadId })).toMatchObject(
      NOT_FOUND,
    )
    const taken = { action, sessionId, uploadId: stranger.uploadId }
    expect(await stranger.track(taken)).toMatchObject(NOT_FOUND)
  }
  expect(await stranger.track({ action: 'start', fileHash, fileSize })).toMatchObject(NOT_FOUND)
  expect(await stranger.follow(`uploadId=${uploadId}`)).toMatchObject(NOT_FOUND)
  expect(await rowOf(sessionId)).toMatchObject({ status: 'in_progress', upload_id: uploadId })
  expect((await follow()).body.uploads[0].sessions).toHaveLength(1)
})

test("a session stays with its upload: another upload's id with it is 404", async () => {
  const { track, sessionId, start } = await aSession()
  const other = (await start([await aDeclared(40 * MIB), { path: 'b' }])).body.results[0].uploadId
  for (const action of ['start', 'progress', 'fail'])
    expect(await track({ action, sessionId, uploadId: other })).toMatchObject(NOT_FOUND)
})

test('an upload that is over takes no session: aborted, done, or of no open content', async () => {
  const { track, uploadId, sessionId, content, abort } = await aSession()
  await abort(uploadId)
  const closed = { status: 409, body: { type: '/errors/upload-closed', uploadStatus: 'aborted' } }
  expect(await track({ action: 'start', uploadId })).toMatchObject(closed)
  expect(await track({ action: 'progress', sessionId, chunksCompleted: 1 })).toMatchObject(closed)
  expect(await track({ action: 'complete', sessionId })).toMatchObject(closed)
  const { fileHash, fileSize } = content
  expect(await track({ action: 'start', fileHash, fileSize })).toMatchObject(NOT_FOUND)
  expect((await track({ action: 'fail', sessionId })).body.session.status).toBe('failed')

  const done = await aDoneUpload()
  const over = { status: 409, body: { type: '/errors/upload-closed', uploadStatus: 'done' } }
  expect(await done.track({ action: 'start', uploadId: done.uploadId })).toMatchObject(over)
})

test('of more than 500 sessions of an upload the one that was silent for longest goes', async () => {
  const { track, follow, accountId, uploadId, sessionId } = await aSession()
  await passSeconds(sessionId, 60)
  await query(sql`INSERT INTO upload_sessions (account_id, upload_id, upload_via, threads, edges_used)
    SELECT ${accountId}, ${uploadId}, 'api', 1, '[]' FROM generate_series(1, 499)`)
  await track({ action: 'start', uploadId, sessionId })
  expect(await rowOf(sessionId)).toBeDefined()

  const other = await aSession()
  const { body } = await track({ action: 'start', uploadId })
  expect(await rowOf(sessionId)).toBeUndefined()
  expect(await rowOf(other.sessionId)).toBeDefined()
  const [{ sessions }] = (await follow(`uploadId=${uploadId}`)).body.uploads
  expect(sessions[0].sessionId).toBe(body.session.sessionId)
  const [count] = await query(
    sql`SELECT count(*) FROM upload_sessions WHERE upload_id = ${uploadId}`,
  )
  expect(count).toEqual({ count: '500' })
})

test('an empty file has one chunk and no bytes', async () => {
  const { track, follow, uploadId } = await anOpenUpload(0)
  const started = await track({ action: 'start', uploadId })
  const { sessionId } = started.body.session
  expect(started.body.progress.percent).toBe(0)
  const { body } = await track({ action: 'progress', sessionId, completed: [[0, 0]] })
  expect(body.progress).toMatchObject({ chunksCompleted: 1, bytesUploaded: 0, percent: 100 })
  expect((await follow()).body.uploads[0]).toMatchObject({ chunksTotal: 1, percent: 100 })
})

test('timings are added up by path and move the ranking; made-up paths do not count', async () => {
  const { track, sessionId, accountId } = await aSession()
  const one = { bytes: 5 * MIB, durationMs: 1000.4 }
  const report = {
    action: 'progress',
    sessionId,
    timings: [
      { ...one, edgeId: 'lon-1', chunkIndex: 0, latencyMs: 12 },
      { ...one, edgeId: 'lon-1', chunkIndex: 1, failed: true, bytes: 1000 },
      { ...one, edgeId: 'direct', chunkIndex: 2 },
      { ...one, edgeId: 'made-up-1', chunkIndex: 3 },
    ],
  }
  const answers = await Promise.all(Array.from({ length: 10 }, () => track(report)))
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  const row = await rowOf(sessionId)
  expect(row?.paths).toEqual({
    'lon-1': { parts: 10, bytes: 10 * (5 * MIB + 1000), busyMs: 20_010, failures: 10 },
    direct: { parts: 10, bytes: 50 * MIB, busyMs: 10_000, failures: 0 },
  })
  expect(row?.edges_used).toEqual(['direct', 'lon-1'])

  const { own } = await readStanding({ accountId, position: null })
  expect([...own.keys()].sort()).toEqual(['direct', 'lon-1'])
  expect(own.get('lon-1')).toMatchObject({ latencyMs: 12, failuresInRow: 1 })
})

test('what is refused or repeated is not measured twice', async () => {
  const { track, sessionId, accountId } = await aSession()
  const timings = [{ edgeId: 'direct', chunkIndex: 0, bytes: 1, durationMs: 1000 }]
  const end = { action: 'fail', sessionId, timings }
  await track(end)
  const { own } = await readStanding({ accountId, position: null })
  await track(end)
  await track({ ...end, action: 'progress' })
  expect((await readStanding({ accountId, position: null })).own).toEqual(own)
  expect((await rowOf(sessionId))?.paths).toMatchObject({ direct: { parts: 1 } })
})

test('while somebody watches, reports are wanted every 5 seconds', async () => {
  const { track, follow, sessionId } = await aSession()
  const report = { action: 'progress', sessionId }
  expect((await track(report)).body.reportAfterSeconds).toBe(60)
  await follow()
  expect((await track(report)).body.reportAfterSeconds).toBe(5)
})

test('two clients of one upload show as one upload with the progress of both', async () => {
  const { track, follow, uploadId, tell } = await anOpenUpload()
  const ids = { web: randomUUID(), desktop: randomUUID() }
  for (const [uploadVia, sessionId] of Object.entries(ids))
    await track({ action: 'start', uploadId, sessionId, uploadVia })
  await passSeconds(ids.web, 10)
  await passSeconds(ids.desktop, 10)
  const report = (sessionId: string, completed: [number, number][], bytesUploaded: number) =>
    track({ action: 'progress', sessionId, completed, bytesUploaded })
  await report(ids.web, [[0, 5]], 30 * MIB)
  const last = await report(
    ids.desktop,
    [
      [4, 9],
      [20, 20],
    ],
    35 * MIB,
  )
  expect(last.body).toMatchObject({
    session: { chunksCompleted: 7 },
    progress: { chunksCompleted: 11, bytesUploaded: 55 * MIB, percent: 52.3 },
  })
  await tell({ sessionId: ids.web, chunkIndex: 10, status: 'completed' })

  const { status, body } = await follow()
  expect(status).toBe(200)
  expect(body).toEqual({ uploads: [expect.any(Object)], cursor: null })
  const [upload] = body.uploads
  expect(upload).toMatchObject({
    uploadId,
    fileName: 'a.mp4',
    path: 'videos/a.mp4',
    fileSize: 105 * MIB,
    uploadVia: 'api',
    status: 'open',
    chunksTotal: 21,
    chunksCompleted: 12,
    bytesUploaded: 60 * MIB,
    percent: 57.1,
  })
  expect(upload.speed / (6.5 * MIB)).toBeGreaterThan(0.8)
  expect(upload.speed / (6.5 * MIB)).toBeLessThanOrEqual(1)
  expect(upload.secondsLeft).toBe(Math.ceil((45 * MIB) / upload.speed))
  expect(new Set(upload.sessions.map((one: { uploadVia: string }) => one.uploadVia))).toEqual(
    new Set(['web', 'desktop']),
  )
  expect(upload.sessions[0]).toEqual({
    sessionId: ids.desktop,
    uploadVia: 'desktop',
    status: 'in_progress',
    edgesUsed: [],
    chunksCompleted: 7,
    bytesUploaded: 35 * MIB,
    speed: expect.any(Number),
    startedAt: expect.stringMatching(/Z$/),
    updatedAt: expect.stringMatching(/Z$/),
  })

  await passSeconds(ids.web, 131)
  await passSeconds(ids.desktop, 131)
  const [still] = (await follow(`uploadId=${uploadId}`)).body.uploads
  expect([still.speed, still.secondsLeft, still.chunksCompleted]).toEqual([0, null, 12])
})

test('open uploads come newest first, page by page, and one that is done can still be looked at', async () => {
  const { follow, start, uploadId: first } = await anOpenUpload()
  const others: string[] = []
  for (const path of ['b', 'c']) {
    const { body } = await start([await aDeclared(20 * MIB), { path }])
    others.unshift(body.results[0].uploadId)
  }
  const page = await follow('limit=2')
  expect(page.body.uploads.map((one: { uploadId: string }) => one.uploadId)).toEqual(others)
  const rest = await follow(`limit=2&cursor=${page.body.cursor}`)
  expect(rest.body).toMatchObject({ uploads: [{ uploadId: first, sessions: [] }], cursor: null })
  expect((await follow('limit=101')).status).toBe(400)
  expect((await follow('cursor=nonsense')).status).toBe(400)
  expect((await follow('uploadId=nonsense')).status).toBe(400)
  expect(await follow(`uploadId=${randomUUID()}`)).toMatchObject(NOT_FOUND)

  const done = await aDoneUpload()
  expect((await done.follow()).body.uploads).toEqual([])
  expect((await done.follow(`uploadId=${done.uploadId}`)).body.uploads).toMatchObject([
    { status: 'done', chunksCompleted: 1, bytesUploaded: 3000, percent: 100 },
  ])
})
