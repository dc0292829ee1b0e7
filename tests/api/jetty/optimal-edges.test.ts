import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { grantPublicKey, verifyGrant } from '../../../lib/edges/grant.ts'
import { aContent } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'
import { call } from '../../local/request.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3
const TIB = 1024 ** 4
const PATH = '/api/jetty/optimal-edges'
const LONDON = { lat: 51.5074, lng: -0.1278 }
const ASHBURN = { lat: 39.04, lng: -77.49 }

// The store stands in Ashburn; both are read once, with the first import of lib/.
process.env.LYVE_POSITION = '39.04,-77.49'
const proxies = await throughProxies()
const { anAccount } = await import('../../local/account.ts')
const { uploader, uploadWhole } = await import('../../local/uploading.ts')
const { query } = await import('../../../lib/db/client.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { recordTimings } = await import('../../../lib/edges/record-timings.ts')
const files = await import('../../../api/storage/files.ts')
const endpoint = await import('../../../api/jetty/optimal-edges.ts')

afterEach(() => {
  for (const proxy of Object.values(proxies)) proxy.fault = undefined
})

/** A new account and its question. */
async function anAsker(tier = 'pro') {
  const account = await anAccount({ tier })
  const ask = (body: unknown, headers?: Record<string, string>) =>
    call(endpoint.POST, 'POST', PATH, { as: account.apiKey, body, ...(headers && { headers }) })
  return { ...account, ask }
}

/** Only what distance implies counts: nothing that other tests measured. */
function withoutRedis(): void {
  proxies.redis.fault = () => 'refuse'
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into
type Path = any
const idsOf = (edges: Path[]) => edges.map(({ id }) => id)
const pathOf = (edges: Path[], id: string): Path => edges.find((path) => path.id === id)

test('a file gets its paths, best first, a plan, a grant, and no duplicate', async () => {
  const { ask } = await anAsker()
  const { status, body } = await ask({
    fileSize: GIB,
    fileHash: `sha256:${'0'.repeat(64)}-128`,
    fileName: 'a.mp4',
    userLocation: { ...LONDON, city: 'London' },
    priority: 'speed',
  })
  expect(status).toBe(200)
  expect(body.strategy).toEqual({
    chunkSize: 8 * MIB,
    chunks: 128,
    threads: expect.any(Number),
    compression: 'none',
    estimatedTime: expect.any(Number),
    estimatedCost: 0.1,
    assumptions: { throughput: expect.any(Number), usdPerGib: 0.1, source: 'estimated' },
  })
  expect(body).toMatchObject({ duplicate: null, serverTime: expect.any(String) })

  expect(idsOf(body.edges).sort()).toEqual(['direct', 'fra-1', 'lon-1', 'nyc-1', 'sfo-1', 'sin-1'])
  const scores = body.edges.map(({ score }: Path) => score)
  expect(scores).toEqual([...scores].sort((a, b) => b - a))
  const sum = body.edges.reduce((total: number, { weight }: Path) => total + weight, 0)
  expect(sum).toBeCloseTo(1, 2)
})

test('each path says where it is, what is expected of it, and whether that was measured', async () => {
  const { ask } = await anAsker()
  withoutRedis()
  const { edges } = (await ask({ fileSize: GIB, userLocation: LONDON })).body
  expect(pathOf(edges, 'fra-1')).toEqual({
    id: 'fra-1',
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    city: 'Frankfurt',
    country: 'DE',
    score: expect.any(Number),
    weight: expect.any(Number),
    // Published as 637 km (great circle between the two cities).
    distance: expect.toSatisfy((km) => Math.abs(km - 637) < 5),
    latency: expect.any(Number),
    load: null,
    throughput: expect.any(Number),
    errorRate: expect.any(Number),
    source: 'estimated',
    age: null,
  })
  expect(pathOf(edges, 'direct')).toMatchObject({
    url: new URL(process.env.LYVE_ENDPOINT ?? '').origin,
    city: null,
    country: null,
    distance: expect.toSatisfy((km) => Math.abs(km - 5_920) < 60),
  })
  expect(edges[0].id).toBe('lon-1')
})

test('direct stands first where the store is nearer than any relay', async () => {
  const { ask } = await anAsker()
  withoutRedis()
  const { edges } = (await ask({ fileSize: GIB, userLocation: ASHBURN })).body
  expect(idsOf(edges).slice(0, 2)).toEqual(['direct', 'nyc-1'])
})

test('the place is the one of the body, else the one the platform sees, else unknown', async () => {
  const { ask } = await anAsker()
  const seen = { 'x-vercel-ip-latitude': '1.29', 'x-vercel-ip-longitude': '103.85' }
  const distanceTo = async (id: string, body: object, headers?: Record<string, string>) =>
    pathOf((await ask({ fileSize: 1, ...body }, headers)).body.edges, id).distance
  expect(await distanceTo('sin-1', {}, seen)).toBeLessThan(20)
  expect(await distanceTo('sin-1', { userLocation: LONDON }, seen)).toBeGreaterThan(10_000)
  expect(await distanceTo('sin-1', { userLocation: { lat: 0, lng: 0 } })).toBeGreaterThan(10_000)
  expect(await distanceTo('sin-1', {})).toBeNull()
  expect(await distanceTo('direct', {})).toBeNull()
})

test("round trips that the client measured count before anything else, even the distance's", async () => {
  const { ask } = await anAsker()
  const measurements = {
    'sin-1': 2,
    'lon-1': 400,
    'fra-1': 410.5,
    'nyc-1': 420,
    'sfo-1': 430,
    direct: 440,
  }
  const { edges } = (
    await ask({ fileSize: GIB, userLocation: LONDON, priority: 'speed', measurements })
  ).body
  expect(edges[0]).toMatchObject({ id: 'sin-1', latency: 2, source: 'measured', age: 0 })
  expect(pathOf(edges, 'fra-1')).toMatchObject({ latency: 410.5, source: 'measured' })
  expect(pathOf(edges, 'direct')).toMatchObject({ latency: 440, source: 'measured' })
})

test('what the client cannot reach is not offered, but for direct, which comes last', async () => {
  const { ask } = await anAsker()
  const measurements = { 'lon-1': null, 'fra-1': 12, direct: null }
  const { body } = await ask({ fileSize: GIB, userLocation: ASHBURN, measurements })
  expect(idsOf(body.edges).sort()).toEqual(['direct', 'fra-1', 'nyc-1', 'sfo-1', 'sin-1'])
  expect(body.edges.at(-1)).toMatchObject({ id: 'direct', weight: 0 })
  const grant = verifyGrant(
    grantPublicKey(process.env.EDGE_GRANT_PRIVATE_KEY ?? ''),
    body.grant.token,
    Date.now() / 1000,
  )
  expect(grant?.relays).not.toContain('lon-1')
})

test('what counts follows from the priority, and the same question has the same answer', async () => {
  const { ask } = await anAsker()
  withoutRedis()
  const scores = async (priority?: string) =>
    (await ask({ fileSize: GIB, userLocation: LONDON, priority })).body.edges
  const [speed, cost, balanced] = [
    await scores('speed'),
    await scores('cost'),
    await scores('balanced'),
  ]
  expect(await scores('speed')).toEqual(speed)
  expect(await scores()).toEqual(balanced)
  expect(speed).not.toEqual(balanced)
  expect(cost).not.toEqual(balanced)
})

test('the grant is for these relays, this account and this size, for at most an hour', async () => {
  const { ask, accountId, userId } = await anAsker()
  const { grant, edges, serverTime } = (await ask({ fileSize: 1000, userLocation: LONDON })).body
  expect(grant.bytes).toBe(1300 + 64 * MIB)

  const publicKey = grantPublicKey(process.env.EDGE_GRANT_PRIVATE_KEY ?? '')
  const signed = verifyGrant(publicKey, grant.token, Date.now() / 1000)
  expect(signed).toMatchObject({
    account: accountId,
    prefix: `users/${userId}/`,
    bytes: grant.bytes,
  })
  expect(signed?.relays).toEqual(idsOf(edges).filter((id) => id !== 'direct'))
  expect(Date.parse(grant.expiresAt) - Date.parse(serverTime)).toBeLessThanOrEqual(3_600_000)
})

test.each(['free', 'starter'])('tier %s has no edges: direct alone, and no grant', async (tier) => {
  const { ask } = await anAsker(tier)
  const { edges, grant, strategy } = (await ask({ fileSize: GIB, userLocation: LONDON })).body
  expect(edges).toMatchObject([{ id: 'direct', weight: 1 }])
  expect(grant).toBeNull()
  expect(strategy.threads).toBeLessThanOrEqual(8)
})

test('the grant is for no more than a file that the tier takes', async () => {
  const { ask, accountId } = await anAsker()
  const [tier] =
    await query(sql`SELECT least(t.storage_quota_bytes, t.file_bytes_max)::float8 AS bytes
    FROM agentcache_accounts a JOIN tier_configs t ON t.tier = a.agentcache_tier WHERE a.id = ${accountId}`)
  const { grant } = (await ask({ fileSize: 5 * TIB })).body
  expect(Number(tier?.bytes)).toBeLessThan(5 * TIB)
  expect(grant.bytes).toBe(Math.ceil(Number(tier?.bytes) * 1.3) + 64 * MIB)
})

test('connections are those of the tier', async () => {
  const threads = async (tier: string) =>
    (await (await anAsker(tier)).ask({ fileSize: 10 * GIB, measurements: { direct: 300 } })).body
      .strategy.threads
  withoutRedis()
  expect(await threads('pro')).toBeLessThanOrEqual(16)
  expect(await threads('free')).toBe(4)
})

test('what the account has sent before is what the estimate rests on', async () => {
  const { ask, accountId } = await anAsker()
  const timing = { parts: 10, bytes: 80_000_000, busyMs: 128_000, failures: 0, failuresInRow: 0 }
  await recordTimings({ accountId, position: LONDON }, [
    { edgeId: 'lon-1', ...timing, latencyMs: 12 },
  ])
  const { strategy, edges } = (await ask({ fileSize: GIB, userLocation: LONDON })).body
  // 80 MB in 128 s of connection time are 5 Mbit/s for one connection; 16 of them send a GiB in 108 s.
  expect(strategy).toMatchObject({ threads: 16, assumptions: { source: 'measured' } })
  expect(strategy.assumptions.throughput).toBeCloseTo(80, 0)
  expect(strategy.estimatedTime).toBeGreaterThanOrEqual(107)
  expect(strategy.estimatedTime).toBeLessThanOrEqual(109)
  expect(pathOf(edges, 'lon-1')).toMatchObject({ source: 'measured', throughput: 5 })
})

test('ten times the size takes ten times as long', async () => {
  const { ask } = await anAsker()
  withoutRedis()
  const seconds = async (fileSize: number) => (await ask({ fileSize })).body.strategy.estimatedTime
  const [one, ten] = [await seconds(GIB), await seconds(10 * GIB)]
  expect(ten / one).toBeGreaterThan(9.5)
  expect(ten / one).toBeLessThan(10.5)
})

test.each([
  [
    'an empty file',
    0,
    { chunkSize: 16 * MIB, chunks: 1, threads: 1, estimatedTime: 1, estimatedCost: 0 },
  ],
  ['the largest file', 5 * TIB, { chunkSize: 576 * MIB, chunks: 9_103 }],
])('%s has a plan', async (_, fileSize, expected) => {
  const { ask } = await anAsker()
  const { status, body } = await ask({ fileSize })
  expect(status).toBe(200)
  expect(body.strategy).toMatchObject(expected)
})

test('content that the account stores is said beside the paths, with what it saves', async () => {
  const { ask, apiKey } = await anAsker()
  const content = await aContent(3 * MIB)
  const fileId = await uploadWhole(apiKey, content, 'videos/a.mp4')
  const { fileSize, fileHash } = content

  const { body } = await ask({ fileSize, fileHash, fileName: 'another.mp4' })
  expect(body.duplicate).toEqual({
    fileId,
    url: `/api/storage/download?fileId=${fileId}`,
    savedBytes: fileSize,
    savedCost: 0.0003,
    message: expect.stringContaining('videos/a.mp4'),
  })
  expect(body.edges.length).toBeGreaterThan(0)
  expect(body.strategy.chunks).toBe(1)
  expect((await ask({ fileSize })).body.duplicate).toBeNull()
})

test('what lies in the trash or is only kept has no address, but saves the same', async () => {
  const { ask, apiKey: as } = await anAsker()
  const content = await aContent(5_000)
  const fileId = await uploadWhole(as, content, 'a')
  const { fileSize, fileHash } = content
  const remove = (query: string) =>
    call(files.DELETE, 'DELETE', `/api/storage/files?fileId=${fileId}${query}`, { as })

  await remove('')
  const trashed = (await ask({ fileSize, fileHash })).body.duplicate
  expect(trashed).toMatchObject({ fileId, url: null, savedBytes: 5_000 })
  await remove('&permanent=true')
  const kept = (await ask({ fileSize, fileHash })).body.duplicate
  expect(kept).toMatchObject({ fileId: null, url: null, savedBytes: 5_000 })
})

test('content of others looks like content of nobody, whatever userId a body names', async () => {
  const owner = await anAsker()
  const content = await aContent(5_000)
  await uploadWhole(owner.apiKey, content, 'a')
  const { fileSize, fileHash } = content
  const { ask } = await anAsker()
  expect((await ask({ fileSize, fileHash })).body.duplicate).toBeNull()

  const { status, body } = await ask({ fileSize, fileHash, userId: owner.userId, budget: 5 })
  expect([status, body.duplicate]).toEqual([200, null])
  const publicKey = grantPublicKey(process.env.EDGE_GRANT_PRIVATE_KEY ?? '')
  const grant = verifyGrant(publicKey, body.grant.token, Date.now() / 1000)
  expect(grant?.prefix).not.toContain(owner.userId)
})

test('asking changes nothing', async () => {
  const { ask, apiKey, accountId } = await anAsker()
  const content = await aContent(5_000)
  await uploadWhole(apiKey, content, 'a')
  await uploader(apiKey).start([await aContent(17 * MIB), { path: 'open' }])
  const { fileSize, fileHash } = content

  const before = await rowsOf(accountId)
  await ask({ fileSize, fileHash, fileName: 'b', userLocation: LONDON })
  await ask({ fileSize: GIB, fileHash: `sha256:${'1'.repeat(64)}-128` })
  expect(await rowsOf(accountId)).toEqual(before)
})

/** All rows of an account with their versions. */
async function rowsOf(accountId: string): Promise<unknown> {
  return await query(sql`
    SELECT 'account' AS kind, id::text, xmin::text FROM agentcache_accounts WHERE id = ${accountId}
    UNION ALL SELECT 'upload', id::text, xmin::text FROM uploads WHERE account_id = ${accountId}
    UNION ALL SELECT 'target', path, t.xmin::text FROM upload_targets t JOIN uploads u ON u.id = t.upload_id WHERE u.account_id = ${accountId}
    UNION ALL SELECT 'session', id::text, xmin::text FROM upload_sessions WHERE account_id = ${accountId}
    UNION ALL SELECT 'blob', id::text, xmin::text FROM file_hashes WHERE account_id = ${accountId}
    UNION ALL SELECT 'file', id::text, xmin::text FROM agentcache_assets WHERE account_id = ${accountId}
    UNION ALL SELECT 'clone', id::text, xmin::text FROM user_file_references WHERE account_id = ${accountId}
    UNION ALL SELECT 'download', id::text, xmin::text FROM downloads WHERE account_id = ${accountId}
    UNION ALL SELECT 'usage', period_start::text, xmin::text FROM storage_usage WHERE account_id = ${accountId}
    ORDER BY 1, 2`)
}

test('one question of Redis and one of Postgres at the same time, after the key was looked up', async () => {
  const { ask, apiKey } = await anAsker()
  const content = await aContent(10)
  await uploadWhole(apiKey, content, 'a')
  for (const proxy of Object.values(proxies)) proxy.passed.length = 0

  // Each waits for its answer until the other was asked, too.
  const met: boolean[] = []
  const meet = async (other: () => number, count: number) => {
    for (let tries = 0; tries < 50 && other() < count; tries++) await sleep(10)
    met.push(other() >= count)
    return 'pass' as const
  }
  proxies.sql.fault = () => meet(() => proxies.redis.passed.length, 2)
  proxies.redis.fault = ({ n }) => (n === 0 ? 'pass' : meet(() => proxies.sql.passed.length, 1))
  const { fileSize, fileHash } = content
  const { body } = await ask({ fileSize, fileHash, userLocation: LONDON })
  expect(body.duplicate).not.toBeNull()
  expect(met).toEqual([true, true])
  const counts = Object.entries(proxies).map(([name, { passed }]) => [name, passed.length])
  expect(Object.fromEntries(counts)).toEqual({ redis: 2, sql: 1, s3: 0 })
})

test('without Redis it answers from what distance implies', async () => {
  const { ask } = await anAsker()
  withoutRedis()
  const { status, body } = await ask({ fileSize: GIB, userLocation: LONDON })
  expect(status).toBe(200)
  expect(body.edges.map(({ source }: Path) => source)).toEqual(body.edges.map(() => 'estimated'))
  expect(body.grant.token).toEqual(expect.any(String))
})

const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`e-${n}`, 1]))

test.each([
  ['no size', {}, '/fileSize'],
  ['a negative size', { fileSize: -5 }, '/fileSize'],
  ['half a byte', { fileSize: 0.5 }, '/fileSize'],
  ['a size in words', { fileSize: '1000' }, '/fileSize'],
  ['more than 5 TiB', { fileSize: 5 * TIB + 1 }, '/fileSize'],
  ['a bare hash', { fileSize: 1, fileHash: 'a'.repeat(64) }, '/fileHash'],
  [
    'a latitude beyond the pole',
    { fileSize: 1, userLocation: { lat: 90.1, lng: 0 } },
    '/userLocation/lat',
  ],
  [
    'a longitude beyond the date line',
    { fileSize: 1, userLocation: { lat: 0, lng: -180.1 } },
    '/userLocation/lng',
  ],
  ['half a place', { fileSize: 1, userLocation: { lat: 0 } }, '/userLocation/lng'],
  ['no number', { fileSize: 1, userLocation: { lat: null, lng: 0 } }, '/userLocation/lat'],
  ['another priority', { fileSize: 1, priority: 'fast' }, '/priority'],
  ['a negative round trip', { fileSize: 1, measurements: { 'lon-1': -1 } }, '/measurements/lon-1'],
  [
    'a round trip of minutes',
    { fileSize: 1, measurements: { 'lon-1': 60_001 } },
    '/measurements/lon-1',
  ],
  [
    'a round trip that is no number',
    { fileSize: 1, measurements: { 'lon-1': 'NaN' } },
    '/measurements/lon-1',
  ],
  ['too many round trips', { fileSize: 1, measurements: many(51) }, '/measurements'],
  ['round trips in a list', { fileSize: 1, measurements: [1] }, '/measurements'],
  ['no object', [], ''],
])('%s is refused, with a pointer to it', async (_, body, pointer) => {
  const { ask } = await anAsker()
  const answer = await ask(body)
  expect(answer.status).toBe(400)
  expect(answer.body).toMatchObject({ type: '/errors/invalid-request', errors: [{ pointer }] })
})

test('fifty round trips are taken, those of unknown paths without effect', async () => {
  const { ask } = await anAsker()
  const { status, body } = await ask({ fileSize: 1, measurements: many(50) })
  expect([status, body.edges.length]).toEqual([200, 6])
})

test('what is no JSON is 400', async () => {
  const { ask } = await anAsker()
  expect((await ask('{"fileSize":NaN}')).status).toBe(400)
  expect((await ask('')).status).toBe(400)
})

test('a content id that cannot belong to the size is 422', async () => {
  const { ask } = await anAsker()
  const answer = await ask({ fileSize: GIB, fileHash: `sha256:${'0'.repeat(64)}-127` })
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({
    type: '/errors/content-mismatch',
    errors: [{ pointer: '/fileHash', detail: expect.stringContaining('128') }],
  })
})

test('no key, a made-up key and a suspended account are refused', async () => {
  const { apiKey, accountId } = await anAsker()
  const ask = (as?: string) =>
    call(endpoint.POST, 'POST', PATH, { ...(as && { as }), body: { fileSize: 1 } })
  expect((await ask()).status).toBe(401)
  expect((await ask(`jt_live_${'a'.repeat(44)}`)).status).toBe(401)
  expect((await ask(randomUUID())).status).toBe(401)
  await query(sql`UPDATE agentcache_accounts SET status = 'suspended' WHERE id = ${accountId}`)
  expect((await ask(apiKey)).body.type).toBe('/errors/account-suspended')
})

test('POST is the one method', () => {
  expect(Object.keys(endpoint)).toEqual(['POST'])
})
