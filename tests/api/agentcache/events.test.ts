import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { ownDatabase } from '../../lib/events/own-database.ts'
import { eventIn, isSignedWith, startReceiver } from '../../lib/events/receiver.ts'
import { call } from '../../local/request.ts'
import { send } from '../../local/webhook.ts'

await ownDatabase()
const { DELETE, GET, POST, PUT } = await import('../../../api/agentcache/events.ts')
const { POST: provision } = await import('../../../api/agentcache/provision.ts')
const { query } = await import('../../../lib/db/client.ts')
const { deliverEvents } = await import('../../../lib/events/deliver.ts')
const { sql } = await import('../../../lib/vendor/orm.js')

const PATH = '/api/agentcache/events'
const PROVISION = '/api/agentcache/provision'
const receiver = await startReceiver()

async function aHolder(more: object = {}) {
  const userId = `user-${randomUUID()}`
  const { account } = (
    await send(provision, PROVISION, {
      agentcache_user_id: userId,
      agentcache_email: `${userId}@example.test`,
      tier: 'pro',
      ...more,
    })
  ).body
  const as: string = account.api_secret
  return {
    userId,
    apiKey: account.api_key as string,
    secret: as,
    eventSecret: account.webhook_secret as string,
    read: async () => (await call(GET, 'GET', PATH, { as })).body,
    set: (body: unknown) => call(PUT, 'PUT', PATH, { as, body }),
    sendTest: () => call(POST, 'POST', PATH, { as }),
    remove: () => call(DELETE, 'DELETE', PATH, { as }),
  }
}

test('events go where the holder of the secret says, signed with what it was shown once', async () => {
  const { read, set, sendTest } = await aHolder()
  expect(await read()).toEqual({ url: null, disabledAt: null, disabledReason: null, recent: [] })

  const { status, body } = await set({ url: receiver.url })
  expect({ status, body }).toEqual({
    status: 200,
    body: { url: receiver.url, signingSecret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/) },
  })
  const sent = await sendTest()
  expect({ status: sent.status, body: sent.body }).toEqual({
    status: 202,
    body: { id: expect.any(String) },
  })
  expect((await read()).recent).toMatchObject([
    { id: sent.body.id, attempts: 0, deliveredAt: null, nextAttemptAt: expect.any(String) },
  ])

  await deliverEvents()
  const [message] = receiver.received.filter(({ id }) => id === `msg_${sent.body.id}`)
  if (!message) throw new Error('nothing came')
  expect(isSignedWith(message, body.signingSecret)).toBe(true)
  expect(eventIn(message)).toEqual({
    type: 'webhook.test',
    timestamp: expect.any(String),
    data: {},
  })
  expect(await read()).toEqual({
    url: receiver.url,
    disabledAt: null,
    disabledReason: null,
    recent: [
      {
        id: sent.body.id,
        type: 'webhook.test',
        createdAt: eventIn(message).timestamp,
        attempts: 1,
        deliveredAt: expect.any(String),
        nextAttemptAt: null,
        lastStatus: 204,
        lastError: null,
      },
    ],
  })
})

test('setting again gives another secret, and what waits is signed with that one', async () => {
  const { set, sendTest } = await aHolder()
  const before = (await set({ url: receiver.url })).body.signingSecret
  const { id } = (await sendTest()).body
  const after = (await set({ url: receiver.url })).body.signingSecret
  expect(after).not.toBe(before)
  await deliverEvents()
  const message = receiver.received.find((one) => one.id === `msg_${id}`)
  if (!message) throw new Error('nothing came')
  expect([before, after].map((secret) => isSignedWith(message, secret))).toEqual([false, true])
})

test('neither signing secret nor account secret is in the database in the clear', async () => {
  const { userId, set } = await aHolder()
  const { signingSecret } = (await set({ url: receiver.url })).body
  const [row] = await query(sql`
    SELECT e::text AS text FROM event_endpoints e JOIN agentcache_accounts a ON a.id = e.account_id
    WHERE a.agentcache_user_id = ${userId}`)
  expect(row?.text).toContain('127.0.0.1')
  expect(row?.text).not.toContain(signingSecret.slice(6))
})

test('an address given at provisioning takes events at once', async () => {
  const { eventSecret, read, sendTest } = await aHolder({ webhook_url: receiver.url })
  expect((await read()).url).toBe(receiver.url)
  const { id } = (await sendTest()).body
  await deliverEvents()
  const message = receiver.received.find((one) => one.id === `msg_${id}`)
  if (!message) throw new Error('nothing came')
  expect(isSignedWith(message, eventSecret)).toBe(true)
})

test('no more events after DELETE: those that wait are given up, and none is sent', async () => {
  const { read, set, sendTest, remove } = await aHolder()
  await set({ url: receiver.url })
  const { id } = (await sendTest()).body
  expect((await remove()).status).toBe(200)
  expect((await remove()).body).toEqual({ url: null })
  expect(await read()).toMatchObject({
    url: null,
    recent: [{ id, deliveredAt: null, nextAttemptAt: null, lastError: 'the endpoint was removed' }],
  })
  await deliverEvents()
  expect(receiver.received.filter((one) => one.id === `msg_${id}`)).toEqual([])
})

test('without an address, or with one that ended, there is nothing to test', async () => {
  const { userId, set, sendTest } = await aHolder()
  expect((await sendTest()).status).toBe(404)
  await set({ url: receiver.url })
  await query(sql`
    UPDATE event_endpoints SET disabled_at = now()
    WHERE account_id = (SELECT id FROM agentcache_accounts WHERE agentcache_user_id = ${userId})`)
  expect((await sendTest()).status).toBe(404)
  await set({ url: receiver.url })
  expect((await sendTest()).status).toBe(202)
})

test('ten test events a minute are enough', async () => {
  const { set, sendTest } = await aHolder()
  await set({ url: receiver.url })
  const statuses: number[] = []
  for (let n = 0; n < 11; n++) statuses.push((await sendTest()).status)
  expect(statuses).toEqual([...Array(10).fill(202), 429])
  expect((await sendTest()).headers.get('retry-after')).toBe('60')
})

test('of thirty test events at once ten are taken', async () => {
  const { set, sendTest } = await aHolder()
  await set({ url: receiver.url })
  const answers = await Promise.all(Array.from({ length: 30 }, sendTest))
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(10)
})

test('at most the newest twenty events are shown', async () => {
  const { userId, set, read } = await aHolder()
  await set({ url: receiver.url })
  await query(sql`
    INSERT INTO event_outbox (account_id, type, data, created_at)
    SELECT a.id, 'webhook.test', '{}', now() - make_interval(mins => n) FROM agentcache_accounts a, generate_series(1, 25) n
    WHERE a.agentcache_user_id = ${userId}`)
  const { recent } = await read()
  expect(recent).toHaveLength(20)
  const times = recent.map(({ createdAt }: { createdAt: string }) => createdAt)
  expect(times).toEqual([...times].sort().reverse())
})

const REFUSED = [
  'http://hooks.example.com/in',
  'https://user:word@hooks.example.com/',
  'https://hooks.example.com:9200/',
  'https://10.1.2.3/',
  'https://169.254.169.254/latest/meta-data',
  'https://0xa.1/',
  'https://[::ffff:10.0.0.1]/',
  'https://localhost/',
  'https://metadata.google.internal/',
  'ftp://hooks.example.com/',
]
test.each(REFUSED)('%s is refused, also at provisioning', async (url) => {
  const { set, read, apiKey } = await aHolder()
  const { status, body } = await set({ url })
  expect([status, body.type]).toEqual([422, '/errors/events-url-refused'])
  expect((await read()).url).toBeNull()

  const userId = `user-${randomUUID()}`
  const wanted = { agentcache_user_id: userId, agentcache_email: 'a@example.test', tier: 'pro' }
  const refusal = await send(provision, PROVISION, { ...wanted, webhook_url: url })
  expect([refusal.status, refusal.body.type]).toEqual([422, '/errors/events-url-refused'])
  expect((await send(provision, PROVISION, wanted)).status).toBe(201)
  expect(apiKey).not.toBe('')
})

test('a body that is none, or has no URL in it, is refused', async () => {
  const { set } = await aHolder()
  for (const body of ['{', {}, { url: 'nonsense' }, { url: 7 }, { url: receiver.url, more: 1 }])
    expect((await set(body)).status).toBe(400)
})

test('neither the API key nor a stranger opens this, and nobody sees the events of others', async () => {
  const [one, other] = [await aHolder(), await aHolder()]
  for (const as of [one.apiKey, `jts_${'a'.repeat(43)}`, '']) {
    for (const [handler, method] of [
      [GET, 'GET'],
      [PUT, 'PUT'],
      [POST, 'POST'],
      [DELETE, 'DELETE'],
    ] as const) {
      const body = method === 'PUT' ? { url: receiver.url } : undefined
      expect((await call(handler, method, PATH, { as, body })).status).toBe(401)
    }
  }
  await other.set({ url: receiver.url })
  await other.sendTest()
  expect(await one.read()).toMatchObject({ url: null, recent: [] })
  await one.remove()
  expect((await other.read()).recent).toHaveLength(1)
  expect((await other.read()).url).toBe(receiver.url)
})

test('the secret of a suspended account opens nothing', async () => {
  const { userId, set } = await aHolder()
  await query(
    sql`UPDATE agentcache_accounts SET status = 'suspended' WHERE agentcache_user_id = ${userId}`,
  )
  expect((await set({ url: receiver.url })).body.type).toBe('/errors/account-suspended')
})
