import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { fakeRelay, healthy } from '../local/fake-relay.ts'
import { freePort } from '../local/listen.ts'
import { ownStack } from '../local/own-stack.ts'
import { throughProxies } from '../local/proxied.ts'
import { call } from '../local/request.ts'

const PATH = '/api/edges'
const LISBON = { city: 'Lisbon', country: 'PT', lat: 38.72, lng: -9.14 }

await ownStack({ edges: 2 })
const proxies = await throughProxies()
const { DELETE, GET, PATCH, POST } = await import('../../api/edges.ts')
const { forgetEdges } = await import('../../lib/edges/status.ts')
const { recordHeartbeat } = await import('../../lib/edges/heartbeats.ts')
const { anAccount } = await import('../local/account.ts')
const { aContent } = await import('../local/content.ts')
const { uploader } = await import('../local/uploading.ts')
const { recordTimings } = await import('../../lib/edges/record-timings.ts')

const admin = { as: process.env.ADMIN_TOKEN }
const register = (body: object) => call(POST, 'POST', PATH, { ...admin, body })
const drain = (id: string, draining: boolean) =>
  call(PATCH, 'PATCH', PATH, { ...admin, body: { id, draining } })
const retire = (id: string) => call(DELETE, 'DELETE', `${PATH}?id=${id}`, admin)

function aKey(): string {
  return randomBytes(32).toString('base64')
}

async function read(id: string) {
  forgetEdges()
  const { body } = await call(GET, 'GET', PATH)
  return body.edges.find((edge: { id: string }) => edge.id === id)
}

/** Whom an upload is offered. */
async function offered(): Promise<string[]> {
  const { apiKey } = await anAccount()
  const { body } = await uploader(apiKey).start([await aContent(10), { path: randomUUID() }])
  return body.edges.map((edge: { id: string }) => edge.id)
}

test('everybody sees the catalogue and how each relay is, and nobody where it answers', async () => {
  forgetEdges()
  const { status, body, headers } = await call(GET, 'GET', PATH)
  expect(status).toBe(200)
  expect(headers.get('cache-control')).toBe('public, max-age=10, s-maxage=10')
  expect(body.edges).toHaveLength(20)
  expect(Object.keys(body)).toEqual(['edges', 'serverTime'])
  expect(body.edges.find((edge: { id: string }) => edge.id === 'lon-1')).toEqual({
    id: 'lon-1',
    city: 'London',
    country: 'GB',
    lat: 51.5074,
    lng: -0.1278,
    state: 'up',
    latencyMs: null,
    throughputMbps: null,
    errorRate: null,
    loadPercent: null,
    version: null,
    lastSeenAt: expect.stringMatching(/^\d{4}-.*Z$/),
    checkedAt: expect.stringMatching(/^\d{4}-.*Z$/),
  })
  expect((await read('tyo-1')).state).toBe('planned')
  expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|key/i)
})

test('the catalogue costs one SQL and one Redis in ten seconds, however many ask', async () => {
  forgetEdges()
  for (const { passed } of Object.values(proxies)) passed.length = 0
  await Promise.all(Array.from({ length: 20 }, () => call(GET, 'GET', PATH)))
  await call(GET, 'GET', PATH)
  expect([proxies.sql.passed.length, proxies.redis.passed.length]).toEqual([1, 1])
})

test('without Redis the catalogue is there, without Postgres it is back as soon as that is', async () => {
  forgetEdges()
  proxies.redis.fault = () => 'refuse'
  expect((await call(GET, 'GET', PATH)).status).toBe(200)
  proxies.redis.fault = undefined

  forgetEdges()
  proxies.sql.fault = () => 'refuse'
  expect((await call(GET, 'GET', PATH)).status).toBe(500)
  proxies.sql.fault = undefined
  expect((await call(GET, 'GET', PATH)).status).toBe(200)
})

test('a fresh heartbeat shows load, one of an hour ago only when it was; throughput is not its own to say', async () => {
  const said = { loadPercent: 12.34, activeUploads: 3, throughputMbps: 480, version: '9' }
  const at = Date.now() - 3_600_000
  await recordHeartbeat('fra-1', { ...said, at })
  expect(await read('fra-1')).toMatchObject({ loadPercent: null, throughputMbps: null })
  await recordHeartbeat('fra-1', { ...said, at: Date.now() + 200_000 })
  const edge = await read('fra-1')
  expect(edge).toMatchObject({ loadPercent: 12.3, throughputMbps: null })
  expect(Date.parse(edge.lastSeenAt)).toBeLessThanOrEqual(Date.now())
})

test('what clients measured is shown once three accounts say it', async () => {
  const timing = {
    parts: 9,
    bytes: 9e6,
    busyMs: 900,
    failures: 1,
    failuresInRow: 0,
    latencyMs: 12.34,
  }
  // 9 MB in 0.9 s are 80 Mbit/s.
  const measured = { latencyMs: 12.3, throughputMbps: 80 }
  const unknown = { latencyMs: null, throughputMbps: null }
  for (const expected of [unknown, unknown, measured]) {
    const viewer = { accountId: randomUUID(), position: { lat: 51.5, lng: 0 } }
    await recordTimings(viewer, [{ edgeId: 'fra-1', ...timing }])
    expect(await read('fra-1')).toMatchObject(expected)
  }
  expect((await read('fra-1')).errorRate).toBeGreaterThan(0)
})

test.each(['POST', 'PATCH', 'DELETE'])(
  '%s is for whoever holds the admin token alone',
  async (method) => {
    const { url } = await fakeRelay('lon-1')
    const handler = { POST, PATCH, DELETE }[method] ?? GET
    const body =
      method === 'DELETE' ? undefined : { id: 'lon-1', url, publicKey: aKey(), draining: true }
    const { apiKey } = await anAccount()
    const others = [undefined, apiKey, '', 'undefined', `${admin.as}x`, process.env.CRON_SECRET]
    for (const as of others) {
      const answer = await call(handler, method, `${PATH}?id=lon-1`, { as, body })
      expect([answer.status, answer.body.type]).toEqual([401, '/errors/unauthorized'])
    }
    expect((await read('lon-1')).state).toBe('up')
  },
)

test('a relay is registered once it answers, and offered at once; registering again changes it', async () => {
  const relay = await fakeRelay('par-1')
  const publicKey = aKey()
  const answer = await register({
    id: 'par-1',
    url: `${relay.url}/`,
    publicKey: `whpk_${publicKey}`,
  })
  expect(answer.status).toBe(200)
  expect(answer.body).toMatchObject({
    id: 'par-1',
    city: 'Paris',
    state: 'up',
    version: '1.2.3',
    url: relay.url,
    publicKey,
  })
  expect(relay.asked).toEqual(['/health'])
  expect(await offered()).toContain('par-1')

  const moved = await fakeRelay('par-1', healthy('par-1', { version: '1.3.0' }))
  const again = await register({
    id: 'par-1',
    url: moved.url,
    publicKey: aKey(),
    city: 'Saint-Denis',
  })
  expect(again.body).toMatchObject({
    url: moved.url,
    version: '1.3.0',
    city: 'Saint-Denis',
    country: 'FR',
  })
  expect(again.body.publicKey).not.toBe(publicKey)
  await retire('par-1')
})

test('a relay may have two more addresses: each must answer as it, no other relay may have one, and uploads are told of them', async () => {
  const [relay, second, third] = await Promise.all(
    ['par-1', 'par-1', 'par-1'].map((id) => fakeRelay(id)),
  )
  const stranger = await fakeRelay('sto-1')
  const url = relay?.url ?? ''
  const alternateUrls = [second?.url ?? '', third?.url ?? '']
  const wanted = { id: 'par-1', url, publicKey: aKey() }

  const many = await register({ ...wanted, alternateUrls: [...alternateUrls, stranger.url] })
  expect([many.status, many.body.errors[0].pointer]).toEqual([400, '/alternateUrls'])
  const foreign = await register({ ...wanted, alternateUrls: [stranger.url] })
  expect([foreign.status, foreign.body.type]).toEqual([422, '/errors/edge-unreachable'])
  const answer = await register({ ...wanted, alternateUrls: alternateUrls.map((one) => `${one}/`) })
  expect(answer).toMatchObject({ status: 200, body: { url, alternateUrls } })

  if (second) second.answer = healthy('sto-1')
  const taken = await register({ id: 'sto-1', url: alternateUrls[0], publicKey: aKey() })
  expect([taken.status, taken.body.type]).toEqual([409, '/errors/edge-conflict'])

  const { apiKey } = await anAccount()
  const { body } = await uploader(apiKey).start([await aContent(10), { path: randomUUID() }])
  const edges = new Map(body.edges.map((edge: { id: string }) => [edge.id, edge]))
  expect(edges.get('par-1')).toMatchObject({ url, alternateUrls })
  expect(edges.get('lon-1')).not.toHaveProperty('alternateUrls')

  expect((await register(wanted)).body).toMatchObject({ url, alternateUrls: [] })
  await retire('par-1')
})

test('a place outside the catalogue needs to be said, all of it', async () => {
  const { url } = await fakeRelay('lis-1')
  const without = await register({
    id: 'lis-1',
    url,
    publicKey: aKey(),
    city: 'Lisbon',
    lat: 38.72,
  })
  expect([without.status, without.body.type]).toEqual([400, '/errors/invalid-request'])
  expect(without.body.errors.map((one: { pointer: string }) => one.pointer)).toEqual([
    '/country',
    '/lng',
  ])
  expect(await read('lis-1')).toBeUndefined()

  const answer = await register({ id: 'lis-1', url, publicKey: aKey(), ...LISBON })
  expect(answer.body).toMatchObject({ id: 'lis-1', state: 'up', ...LISBON })
  expect((await retire('lis-1')).body.state).toBe('planned')
})

test.each([
  ['nothing answers there', null],
  ['another edge answers', healthy('fra-1')],
  ['it does not reach its store', healthy('sea-1', { status: 'degraded' }, 503)],
  ['it is stopping', healthy('sea-1', { status: 'stopping' })],
  ['it says ok with a fault', healthy('sea-1', {}, 500)],
  ['it is no relay', healthy('sea-1', { version: 7 })],
  ['its version is not plain text', healthy('sea-1', { version: 'a\u001b[2J' })],
  ['it answers more than a relay would', healthy('sea-1', { more: 'x'.repeat(5_000) })],
])('nothing is registered where %s', async (_, answer) => {
  const nowhere = `http://127.0.0.1:${await freePort()}`
  const url = answer === null ? nowhere : (await fakeRelay('sea-1', answer)).url
  const refused = await register({ id: 'sea-1', url, publicKey: aKey() })
  expect([refused.status, refused.body.type]).toEqual([422, '/errors/edge-unreachable'])
  expect(refused.body.detail).not.toContain('fra-1')
  expect((await read('sea-1')).state).toBe('planned')
})

test('where the address leads elsewhere, nobody follows', async () => {
  const elsewhere = await fakeRelay('sea-1')
  const { url } = await fakeRelay('sea-1', (_, outgoing) => {
    outgoing.writeHead(302, { location: `${elsewhere.url}/health` }).end()
  })
  expect((await register({ id: 'sea-1', url, publicKey: aKey() })).status).toBe(422)
  expect(elsewhere.asked).toEqual([])
})

test('a relay that says nothing is waited for 3 s', async () => {
  const { url } = await fakeRelay('sea-1', (_, outgoing) => void outgoing.write('{'))
  const begun = Date.now()
  expect((await register({ id: 'sea-1', url, publicKey: aKey() })).status).toBe(422)
  expect(Date.now() - begun).toBeGreaterThan(2_900)
  expect(Date.now() - begun).toBeLessThan(6_000)
})

test('two edges cannot have one address, until the first is retired', async () => {
  const relay = await fakeRelay('atl-1')
  await register({ id: 'atl-1', url: relay.url, publicKey: aKey() })
  relay.answer = healthy('mia-1')
  const conflict = await register({ id: 'mia-1', url: relay.url, publicKey: aKey() })
  expect([conflict.status, conflict.body.type]).toEqual([409, '/errors/edge-conflict'])
  expect(conflict.body.detail).toContain('atl-1')
  expect((await read('mia-1')).state).toBe('planned')

  await retire('atl-1')
  expect((await register({ id: 'mia-1', url: relay.url, publicKey: aKey() })).status).toBe(200)
  await retire('mia-1')
})

test.each([
  ['an id that no grant could name', { id: 'LON 1' }],
  ['an address with a path', { url: 'https://a.example/path' }],
  ['an address with a user', { url: 'https://user@a.example' }],
  ['an address of another kind', { url: 'file:///etc/passwd' }],
  ['a key that is none', { publicKey: 'c2hvcnQ=' }],
  ['a place that is none', { lat: 91 }],
  ['a country in full', { country: 'Portugal' }],
  ['a name with control characters', { city: 'a\nb' }],
])('%s is a 400', async (_, change) => {
  const body = { id: 'lon-1', url: 'https://a.example', publicKey: aKey(), ...change }
  const answer = await register(body)
  expect([answer.status, answer.body.type]).toEqual([400, '/errors/invalid-request'])
})

test('a relay that is drained is offered to nobody, and again when it is not', async () => {
  expect(await offered()).toContain('fra-1')
  await call(GET, 'GET', PATH)
  const drained = await drain('fra-1', true)
  expect([drained.status, drained.body.state]).toEqual([200, 'draining'])
  // The process that changed it shows it at once, others within 10 s.
  expect(JSON.stringify((await call(GET, 'GET', PATH)).body)).toContain('"state":"draining"')
  expect(await offered()).not.toContain('fra-1')
  expect((await read('fra-1')).state).toBe('draining')
  expect((await drain('fra-1', true)).status).toBe(200)

  expect((await drain('fra-1', false)).body.state).toBe('up')
  expect(await offered()).toContain('fra-1')
})

test('draining refuses what has no relay, what is unknown, and what it does not understand', async () => {
  const none = await drain('tyo-1', true)
  expect([none.status, none.body.type]).toEqual([409, '/errors/edge-conflict'])
  const unknown = await drain('xyz-9', true)
  expect([unknown.status, unknown.body.type]).toEqual([404, '/errors/not-found'])
  const answer = await call(PATCH, 'PATCH', PATH, {
    ...admin,
    body: { id: 'fra-1', draining: 'yes' },
  })
  expect([answer.status, answer.body.type]).toEqual([400, '/errors/invalid-request'])
})

test('a retired relay is planned again, with no address, no key and nobody offered it', async () => {
  const relay = await fakeRelay('ams-1')
  await register({ id: 'ams-1', url: relay.url, publicKey: aKey() })
  await drain('ams-1', true)
  const answer = await retire('ams-1')
  expect(answer.status).toBe(200)
  expect(answer.body).toMatchObject({ state: 'planned', url: null, publicKey: null, version: null })
  expect(await offered()).not.toContain('ams-1')
  expect((await retire('ams-1')).status).toBe(200)

  await register({ id: 'ams-1', url: relay.url, publicKey: aKey() })
  expect((await read('ams-1')).state).toBe('up')
  await retire('ams-1')
})

test('what a retired relay last said of itself is not shown', async () => {
  const { url } = await fakeRelay('bos-1')
  await register({ id: 'bos-1', url, publicKey: aKey() })
  const said = { loadPercent: 50, activeUploads: 3, throughputMbps: 480, version: '9' }
  await recordHeartbeat('bos-1', { ...said, at: Date.now() })
  expect((await read('bos-1')).loadPercent).toBe(50)
  await retire('bos-1')
  expect(await read('bos-1')).toMatchObject({ loadPercent: null, throughputMbps: null })
})

test('retiring refuses what is unknown, and no id', async () => {
  expect((await retire('xyz-9')).status).toBe(404)
  expect((await call(DELETE, 'DELETE', PATH, admin)).status).toBe(400)
})
