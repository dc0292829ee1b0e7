import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'
import { call } from '../../local/request.ts'

const GIB = 1024 ** 3
const HOUR = 3600
const proxies = await throughProxies()
const { GET } = await import('../../../api/jetty/user-stats.ts')
const { POST } = await import('../../../api/jetty/check-duplicate.ts')
const download = await import('../../../api/storage/download.ts')
const { query } = await import('../../../lib/db/client.ts')
const { recordTimings } = await import('../../../lib/edges/record-timings.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { anAccount } = await import('../../local/account.ts')
const { uploader, uploadWhole } = await import('../../local/uploading.ts')

const PATH = '/api/jetty/user-stats'
const ask = (as: string, search = '') => call(GET, 'GET', `${PATH}${search}`, { as })
const statsOf = async (as: string, period = '24h') => (await ask(as, `?period=${period}`)).body
const get = (as: string, fileId: string, more = '') =>
  call(download.GET, 'GET', `/api/storage/download?fileId=${fileId}${more}`, {
    as,
    headers: { accept: 'application/json' },
  })

const NOTHING = {
  connection: { status: 'offline', active_edges: [], average_latency_ms: null },
  file_transfers: {
    total_uploads: 0,
    total_downloads: 0,
    uploaded_bytes: 0,
    downloaded_bytes: 0,
    active_transfers: [],
    recent_activity: [],
  },
  performance: {
    cache_hit_rate_percent: null,
    bandwidth_saved_bytes: 0,
    bandwidth_saved_gb: 0,
    edges: [],
    average_download_ms: null,
    upload_acceleration: null,
  },
  cache_status: null,
}

type Session = {
  status?: string
  edges?: string[]
  paths?: Record<string, { parts: number; bytes: number; busyMs: number; failures: number }>
  bytes?: number
  speed?: number
  /** Seconds ago. */
  started?: number
  reported?: number
}

/** A session of an upload, as a client's reports would have left it. */
async function aSession(accountId: string, uploadId: string, session: Session = {}) {
  const { status = 'in_progress', edges = [], paths = {}, bytes = 0, speed = 0 } = session
  const { started = 30, reported = 1 } = session
  const id = randomUUID()
  await query(sql`
    INSERT INTO upload_sessions (id, account_id, upload_id, upload_via, threads, edges_used, paths, bytes_uploaded, speed_bytes,
      status, started_at, updated_at)
    VALUES (${id}, ${accountId}, ${uploadId}, 'api', 8, ${JSON.stringify(edges)}::jsonb, ${JSON.stringify(paths)}::jsonb, ${bytes},
      ${speed}, ${status}, now() - make_interval(secs => ${started}), now() - make_interval(secs => ${reported}))`)
  return id
}

/** An account with an upload that is open, and its id. */
async function anOpenUpload(fileSize = 1000, path = 'videos/open.mp4') {
  const account = await anAccount()
  const started = await uploader(account.apiKey).start([await aContent(fileSize), { path }])
  return { ...account, uploadId: String(started.body.results[0].uploadId) }
}

test('an account that did nothing has zeros for counts, null for rates and is offline', async () => {
  const { apiKey, userId } = await anAccount()
  const { status, body, headers } = await ask(apiKey)
  expect(status).toBe(200)
  expect(body).toEqual({ period: '24h', userId, timestamp: expect.any(String), ...NOTHING })
  expect(body.timestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  expect(headers.get('cache-control')).toBe('no-store')
})

test('uploads, clones and downloads are counted from what was done, newest first, as numbers and RFC 3339 times', async () => {
  const { apiKey } = await anAccount()
  const contents = await Promise.all([1000, 2000].map(aContent))
  const [a, b] = contents
  if (!a || !b) throw new Error('no contents')
  const fileId = await uploadWhole(apiKey, a, 'docs/a.txt')
  await uploadWhole(apiKey, b, 'docs/b.txt')
  await uploadWhole(apiKey, a, 'docs/c.txt')
  const { fileHash, fileSize } = b
  await call(POST, 'POST', '/api/jetty/check-duplicate', {
    as: apiKey,
    body: { fileHash, fileSize, path: 'docs/d.txt' },
  })
  const { downloadId } = (await get(apiKey, fileId)).body
  await get(apiKey, fileId, `&downloadId=${downloadId}`)
  await get(apiKey, fileId)

  const { file_transfers, performance } = await statsOf(apiKey)
  expect(file_transfers).toMatchObject({
    total_uploads: 2,
    uploaded_bytes: 3000,
    total_downloads: 2,
    downloaded_bytes: 2000,
    active_transfers: [],
  })
  expect(performance).toMatchObject({
    cache_hit_rate_percent: 50,
    bandwidth_saved_bytes: 3000,
    bandwidth_saved_gb: 0,
  })
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  const ofDownload = {
    timestamp: time,
    type: 'download',
    file_size: 1000,
    duration_seconds: null,
    cache_hit: null,
    edges_used: null,
  }
  const ofClone = { timestamp: time, type: 'clone', duration_seconds: 0, cache_hit: true }
  const ofUpload = { timestamp: time, type: 'upload', cache_hit: false, edges_used: [] }
  expect(file_transfers.recent_activity).toEqual([
    { ...ofDownload, file_name: expect.any(String) },
    { ...ofDownload, file_name: expect.any(String) },
    { ...ofClone, file_name: 'd.txt', file_size: 2000, edges_used: [] },
    { ...ofClone, file_name: 'c.txt', file_size: 1000, edges_used: [] },
    { ...ofUpload, file_name: 'b.txt', file_size: 2000, duration_seconds: expect.any(Number) },
    { ...ofUpload, file_name: 'a.txt', file_size: 1000, duration_seconds: expect.any(Number) },
  ])
})

test('the period counts: what lies before it is left out, of every figure', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(1000)
  const fileId = await uploadWhole(apiKey, content, 'a')
  await uploadWhole(apiKey, content, 'b')
  await get(apiKey, fileId)
  const [row] = await query(sql`SELECT id FROM uploads WHERE account_id = ${accountId}`)
  const paths = { 'lon-1': { parts: 1, bytes: 1000, busyMs: 10, failures: 0 } }
  await aSession(accountId, String(row?.id), { paths, status: 'completed' })

  const figures = async (period: string) => {
    const { file_transfers, performance, ...rest } = await statsOf(apiKey, period)
    expect(rest.period).toBe(period)
    return [
      file_transfers.total_uploads,
      file_transfers.uploaded_bytes,
      file_transfers.total_downloads,
      file_transfers.downloaded_bytes,
      performance.bandwidth_saved_bytes,
      performance.edges.length,
      file_transfers.recent_activity.length,
    ]
  }
  const all = [1, 1000, 1, 1000, 1000, 1, 3]
  const none = [0, 0, 0, 0, 0, 0, 0]
  const periods = ['1h', '24h', '7d', '30d']
  for (const [index, hours] of [0.5, 2, 48, 8 * 24, 30.5 * 24].entries()) {
    const time = sql`now() - make_interval(secs => ${hours * HOUR})`
    await query(sql`UPDATE uploads SET completed_at = ${time} WHERE account_id = ${accountId}`)
    await query(sql`UPDATE downloads SET created_at = ${time} WHERE account_id = ${accountId}`)
    await query(
      sql`UPDATE user_file_references SET created_at = ${time} WHERE account_id = ${accountId}`,
    )
    await query(sql`UPDATE upload_sessions SET updated_at = ${time}, started_at = ${time} - interval '1 hour'
      WHERE account_id = ${accountId}`)
    expect(await Promise.all(periods.map(figures))).toEqual(
      periods.map((_, at) => (at < index ? none : all)),
    )
  }
})

test('a download stays counted when its file is gone, and so are its bytes', async () => {
  const { apiKey, accountId } = await anAccount()
  await get(apiKey, await uploadWhole(apiKey, await aContent(70), 'a'))
  await query(sql`DELETE FROM agentcache_assets WHERE account_id = ${accountId}`)
  await query(sql`DELETE FROM file_hashes WHERE account_id = ${accountId}`)
  expect((await statsOf(apiKey)).file_transfers).toMatchObject({
    total_downloads: 1,
    downloaded_bytes: 70,
  })
})

test('nothing of another account is counted', async () => {
  const { apiKey, accountId, uploadId } = await anOpenUpload()
  const content = await aContent(100)
  await get(apiKey, await uploadWhole(apiKey, content, 'a'))
  await uploadWhole(apiKey, content, 'b')
  await aSession(accountId, uploadId, { edges: ['lon-1'] })
  const other = await anAccount()
  expect(await statsOf(other.apiKey, '30d')).toMatchObject(NOTHING)
})

test('each path has what its sessions carried: bytes over the time that its connections were busy', async () => {
  const { apiKey, accountId, uploadId } = await anOpenUpload()
  const lon = { parts: 10, bytes: 50_000_000, busyMs: 4_000, failures: 1 }
  await aSession(accountId, uploadId, { paths: { 'lon-1': lon }, status: 'failed' })
  await aSession(accountId, uploadId, {
    paths: {
      'lon-1': { ...lon, busyMs: 1_000.5 },
      direct: { parts: 2, bytes: 10_000_000, busyMs: 8_000, failures: 0 },
      'fra-1': { parts: 0, bytes: 0, busyMs: 0, failures: 3 },
    },
  })
  expect((await statsOf(apiKey, '1h')).performance.edges).toEqual([
    { id: 'lon-1', bytes: 100_000_000, parts: 20, failures: 2, speed_mbps: 159.98 },
    { id: 'direct', bytes: 10_000_000, parts: 2, failures: 0, speed_mbps: 10 },
    { id: 'fra-1', bytes: 0, parts: 0, failures: 3, speed_mbps: null },
  ])
})

test('sessions in progress on open uploads are active transfers, the newest ten', async () => {
  const { apiKey, accountId, uploadId } = await anOpenUpload(1000)
  const at = { bytes: 250, speed: 1_000_000, edges: ['direct', 'lon-1'] }
  const id = await aSession(accountId, uploadId, at)
  await aSession(accountId, uploadId, { status: 'failed' })
  await aSession(accountId, uploadId, { ...at, started: 500, reported: 180 })

  const { active_transfers } = (await statsOf(apiKey)).file_transfers
  expect(active_transfers).toEqual([
    {
      session_id: id,
      upload_id: uploadId,
      file_name: 'open.mp4',
      file_size: 1000,
      progress_percent: 25,
      speed_mbps: 8,
      edges_used: ['direct', 'lon-1'],
      started_at: expect.stringMatching(/Z$/),
    },
    expect.objectContaining({ progress_percent: 25, speed_mbps: 0 }),
  ])

  for (let n = 0; n < 12; n++) await aSession(accountId, uploadId, { started: 5 })
  expect((await statsOf(apiKey)).file_transfers.active_transfers).toHaveLength(10)
  await uploader(apiKey).abort(uploadId)
  expect((await statsOf(apiKey)).file_transfers.active_transfers).toEqual([])
})

test('an upload names the paths of all its sessions', async () => {
  const { apiKey, accountId } = await anAccount()
  await uploadWhole(apiKey, await aContent(10), 'a')
  const [row] = await query(sql`SELECT id FROM uploads WHERE account_id = ${accountId}`)
  for (const edges of [['lon-1'], ['fra-1', 'lon-1']])
    await aSession(accountId, String(row?.id), { edges, status: 'completed' })
  const [activity] = (await statsOf(apiKey)).file_transfers.recent_activity
  expect(activity.edges_used).toEqual(['fra-1', 'lon-1'])
})

test('of many activities the last ten are told', async () => {
  const { apiKey, accountId } = await anAccount()
  await query(sql`
    INSERT INTO user_file_references (account_id, file_hash, path, saved_bytes, created_at)
    SELECT ${accountId}::uuid, 'h', 'clone-' || n, 1, now() - make_interval(mins => n) FROM generate_series(2, 20, 2) n`)
  await query(sql`
    INSERT INTO uploads (account_id, file_hash, file_size, part_count, checksum, storage_key, part_digests, uploaded_via,
      urls_expire_at, expires_at, state, created_at, completed_at)
    SELECT ${accountId}::uuid, 'h', n, 1, 'sha256', ${accountId} || n, '', 'api', now(), now(), 'done',
      now() - make_interval(mins => n, secs => 90), now() - make_interval(mins => n) FROM generate_series(1, 21, 2) n`)
  await query(sql`
    INSERT INTO upload_targets (upload_id, path, content_type, if_new)
    SELECT id, 'up/' || file_size, 'x/y', false FROM uploads WHERE account_id = ${accountId}`)

  const { recent_activity } = (await statsOf(apiKey)).file_transfers
  const names = ['1', 'clone-2', '3', 'clone-4', '5', 'clone-6', '7', 'clone-8', '9', 'clone-10']
  expect(recent_activity.map((one: { file_name: string }) => one.file_name)).toEqual(names)
  expect(recent_activity[0].duration_seconds).toBe(90)
})

test('who reported in the last two minutes is connected, over the edges of sessions in progress', async () => {
  const { apiKey, accountId, uploadId } = await anOpenUpload()
  const connection = async () => (await statsOf(apiKey)).connection
  await aSession(accountId, uploadId, { edges: ['tyo-1'], reported: 121, started: 500 })
  expect(await connection()).toEqual(NOTHING.connection)

  await aSession(accountId, uploadId, { edges: ['syd-1'], status: 'completed' })
  expect(await connection()).toEqual({ ...NOTHING.connection, status: 'connected' })

  await aSession(accountId, uploadId, { edges: ['direct', 'lon-1'], reported: 110 })
  const unknown = { latency_ms: null, utilization_percent: null }
  expect(await connection()).toEqual({
    status: 'connected',
    active_edges: [
      { id: 'direct', city: null, ...unknown },
      { id: 'lon-1', city: 'London', ...unknown },
    ],
    average_latency_ms: null,
  })
})

test('edges that answer in more than 100 ms on average are a degraded connection', async () => {
  const { apiKey, accountId, uploadId } = await anOpenUpload()
  const timing = { parts: 1, bytes: 1_000_000, busyMs: 100, failures: 0, failuresInRow: 0 }
  const viewer = { accountId, position: null }
  await recordTimings(viewer, [{ ...timing, edgeId: 'lon-1', latencyMs: 220.04 }])
  await aSession(accountId, uploadId, { edges: ['lon-1'] })
  expect((await statsOf(apiKey)).connection).toEqual({
    status: 'degraded',
    active_edges: [{ id: 'lon-1', city: 'London', latency_ms: 220, utilization_percent: null }],
    average_latency_ms: 220,
  })
})

test('savings in GiB have three decimals, and the bytes are exact', async () => {
  const { apiKey, accountId } = await anAccount()
  await query(sql`INSERT INTO user_file_references (account_id, file_hash, path, saved_bytes)
    VALUES (${accountId}, 'h', 'a', ${1.5 * GIB}), (${accountId}, 'h', 'b', 1)`)
  expect((await statsOf(apiKey)).performance).toMatchObject({
    cache_hit_rate_percent: 100,
    bandwidth_saved_bytes: 1.5 * GIB + 1,
    bandwidth_saved_gb: 1.5,
  })
})

test.each(['', '?period=24h', '?period=1h', '?period=7d', '?period=30d&userId=else'])(
  'the period %s is known',
  async (search) => {
    const { apiKey, userId } = await anAccount()
    expect((await ask(apiKey, search)).body.userId).toBe(userId)
  },
)

test.each(['?period=2h', '?period=', '?period=24H', '?period=30d&period=all'])(
  '%s is 400',
  async (search) => {
    const { apiKey } = await anAccount()
    const { status, body } = await ask(apiKey, search)
    expect({ status, type: body.type }).toEqual({ status: 400, type: '/errors/invalid-request' })
  },
)

test('without a key that is known nobody is answered; a suspended account is 403', async () => {
  expect((await call(GET, 'GET', PATH)).status).toBe(401)
  expect((await ask('jt_live_no')).status).toBe(401)
  const { apiKey, accountId } = await anAccount()
  await query(sql`UPDATE agentcache_accounts SET status = 'suspended' WHERE id = ${accountId}`)
  expect((await ask(apiKey)).status).toBe(403)
})

test('the statistics cost one SQL and, with authentication, two Redis round trips; without Redis they answer too', async () => {
  const { apiKey } = await anAccount()
  await ask(apiKey)
  for (const proxy of Object.values(proxies)) proxy.passed.length = 0
  await ask(apiKey, '?period=30d')
  const passed = Object.entries(proxies).map(([name, proxy]) => [name, proxy.passed.length])
  expect(Object.fromEntries(passed)).toEqual({ redis: 2, sql: 1, s3: 0 })

  proxies.redis.fault = () => 'refuse'
  const { status, body } = await ask(apiKey)
  proxies.redis.fault = undefined
  expect(status).toBe(200)
  expect(body).toMatchObject(NOTHING)
})
