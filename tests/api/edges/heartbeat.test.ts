import { randomBytes } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { publicHalf } from '../../../lib/ed25519.ts'
import { signWebhook } from '../../../lib/webhooks/standard.ts'
import { ownStack } from '../../local/own-stack.ts'
import { throughProxies } from '../../local/proxied.ts'
import { call } from '../../local/request.ts'

const PATH = '/api/edges/heartbeat'

const { edges } = await ownStack({ edges: 5 })
const proxies = await throughProxies()
const { POST } = await import('../../../api/edges/heartbeat.ts')
const { DELETE } = await import('../../../api/edges.ts')
const { query } = await import('../../../lib/db/client.ts')
const { readHeartbeats } = await import('../../../lib/edges/heartbeats.ts')
const { sql } = await import('../../../lib/vendor/orm.js')

const SAID = { loadPercent: 20, activeUploads: 3, throughputMbps: 48.1, version: '1.2.3' }
let messages = 0

/** What a relay of the stack sends; `seed` is whose key signs it. */
function beat(id: string, { said = {}, lateSeconds = 0, seed = seedOf(id) } = {}) {
  const body = JSON.stringify({ id, ...SAID, ...said })
  const timestamp = Math.floor(Date.now() / 1000) + lateSeconds
  messages += 1
  return { body, headers: signWebhook({ id: `m${messages}`, timestamp, body }, [`whsk_${seed}`]) }
}

type Message = { body: string; headers: Record<string, string> }

const send = (message: Message) => call(POST, 'POST', PATH, message)
const loadOf = async (id: string) => (await readHeartbeats()).get(id)?.loadPercent
const UNAUTHORIZED = [401, '/errors/unauthorized', 'This is not signed by a registered relay.']

function seedOf(id: string): string {
  return edges.find((edge) => edge.id === id)?.seed ?? ''
}

afterEach(() => {
  vi.useRealTimers()
})

function later(ms: number): void {
  vi.setSystemTime(Date.now() + ms)
}

async function refusal(message: Message) {
  const { status, body } = await send(message)
  return [status, body.type, body.detail]
}

test('what a relay says of itself is kept, with the time it said it', async () => {
  const message = beat('lon-1')
  const { status, body } = await send(message)
  expect([status, body]).toEqual([200, { heartbeatAfterSeconds: 60 }])
  const at = Number(message.headers['webhook-timestamp']) * 1000
  expect((await readHeartbeats()).get('lon-1')).toEqual({ ...SAID, at })
})

test('it costs one Redis and, while the keys are known, no SQL', async () => {
  await send(beat('fra-1'))
  for (const { passed } of Object.values(proxies)) passed.length = 0
  await send(beat('fra-1', { lateSeconds: 1 }))
  expect([proxies.sql.passed.length, proxies.redis.passed.length]).toEqual([0, 1])
})

test('what anybody but the relay itself sends is refused, alike in every way', async () => {
  const good = beat('fra-1')
  const stranger = randomBytes(32).toString('base64')
  const refused: Message[] = [
    beat('fra-1', { seed: stranger }),
    beat('fra-1', { seed: seedOf('lon-1') }),
    beat('tyo-1', { seed: stranger }),
    beat('xyz-9', { seed: stranger }),
    { ...good, body: good.body.replace('"loadPercent":20', '"loadPercent":99') },
    { ...good, body: good.body.replace('fra-1', 'lon-1') },
    { ...good, body: `${good.body} ` },
    { ...good, body: 'no json' },
    { ...good, body: '' },
    { ...good, body: '[]' },
    { ...good, body: JSON.stringify({ id: { a: 1 } }) },
    { ...good, headers: {} },
    { ...good, headers: { ...good.headers, 'webhook-id': 'another' } },
    { ...good, headers: { ...good.headers, 'webhook-signature': 'v1a,' } },
    { body: good.body, headers: { authorization: `Bearer ${process.env.ADMIN_TOKEN}` } },
  ]
  for (const message of refused) expect(await refusal(message)).toEqual(UNAUTHORIZED)
})

test('an hmac with the public key as its secret is no signature', async () => {
  const { body, headers } = beat('fra-1')
  const timestamp = Number(headers['webhook-timestamp'])
  const forged = signWebhook({ id: 'm', timestamp, body }, [publicHalf(seedOf('fra-1'))])
  expect(await refusal({ body, headers: forged })).toEqual(UNAUTHORIZED)
})

test('five minutes either way are accepted, more is not', async () => {
  for (const lateSeconds of [-302, 302])
    expect(await refusal(beat('nyc-1', { lateSeconds }))).toEqual(UNAUTHORIZED)
  for (const lateSeconds of [-295, 295])
    expect((await send(beat('nyc-1', { lateSeconds }))).status).toBe(200)
})

test('an older heartbeat and the same one again change nothing', async () => {
  const first = beat('sfo-1', { said: { loadPercent: 10 }, lateSeconds: -20 })
  const second = beat('sfo-1', { said: { loadPercent: 90 }, lateSeconds: -10 })
  for (const message of [first, second, first, second]) {
    expect((await send(message)).status).toBe(200)
  }
  expect(await loadOf('sfo-1')).toBe(90)
})

test.each([
  { loadPercent: 101 },
  { loadPercent: '20' },
  { activeUploads: -1 },
  { throughputMbps: null },
  { version: 'a\nb' },
])('a signed heartbeat with %j is a 400', async (said) => {
  const { status, body } = await send(beat('lon-1', { said }))
  expect([status, body.type]).toEqual([400, '/errors/invalid-request'])
})

test('a body far beyond a heartbeat is refused, however well it is signed', async () => {
  const said = { padding: 'x'.repeat(5_000) }
  expect(await refusal(beat('lon-1', { said }))).toEqual(UNAUTHORIZED)
})

test('what strangers send costs one SQL in 5 s, whatever they call themselves', async () => {
  await send(beat('lon-1', { lateSeconds: 2 }))
  for (const { passed } of Object.values(proxies)) passed.length = 0
  const seed = randomBytes(32).toString('base64')
  await Promise.all(Array.from({ length: 20 }, (_, n) => send(beat(`made-up-${n}`, { seed }))))
  expect(proxies.sql.passed.length).toBeLessThanOrEqual(1)
  expect(proxies.redis.passed.length).toBe(0)
})

test('a new key of a relay is known within 5 s, and the old one ends with the minute', async () => {
  await send(beat('sin-1'))
  const seed = randomBytes(32).toString('base64')
  await query(sql`UPDATE edge_locations SET public_key = ${publicHalf(seed)} WHERE id = 'sin-1'`)
  later(6_000)
  expect((await send(beat('sin-1', { seed, lateSeconds: 1 }))).status).toBe(200)
  expect(await refusal(beat('sin-1', { lateSeconds: 2 }))).toEqual(UNAUTHORIZED)
})

test('without Redis a heartbeat is lost, and the relay need not care', async () => {
  proxies.redis.fault = () => 'refuse'
  expect((await send(beat('lon-1'))).status).toBe(200)
  proxies.redis.fault = undefined
})

test('a retired relay is heard no more', async () => {
  await call(DELETE, 'DELETE', '/api/edges?id=lon-1', { as: process.env.ADMIN_TOKEN })
  later(30_000)
  await refusal(beat('xyz-9', { seed: seedOf('lon-1') }))
  expect(await refusal(beat('lon-1'))).toEqual(UNAUTHORIZED)
})
