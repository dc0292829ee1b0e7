import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { BUSY_MS, startFlaky } from '../../../local/flaky.ts'
import { type Functions, startFunctions } from '../../../local/functions.ts'

let functions: Functions | undefined
const storage = await startFlaky(() => functions?.url ?? '')
process.env.JETTYTHUNDER_API_URL = storage.url
functions = await startFunctions()
// The first call of a function loads its code: longer than a caller waits, on a machine that is busy.
await fetch(`${functions.url}/api/agentcache/provision`, { method: 'POST' })

const { POST } = await import('../../../../api/webhooks/jettythunder/provision.ts')
const { POST: upgrade } = await import('../../../../api/agentcache/upgrade.ts')
const { GET: quota } = await import('../../../../api/agentcache/quota.ts')
const { POST: keys } = await import('../../../../api/agentcache/keys.ts')
const { query } = await import('../../../../lib/db/client.ts')
const { sql } = await import('../../../../lib/vendor/orm.js')
const { call } = await import('../../../local/request.ts')
const { SENDER, send, signedHeaders } = await import('../../../local/webhook.ts')

const PATH = '/api/webhooks/jettythunder/provision'
const newUser = () => `user-${randomUUID()}`
const bodyOf = (userId: string, more: object = {}) => ({
  user_id: userId,
  email: `${userId}@example.test`,
  tier: 'pro',
  ...more,
})
const provision = (body: unknown, options: object = {}) =>
  send(POST, PATH, body, { secrets: [SENDER.internal], ...options })

beforeEach(() => {
  storage.plan.length = 0
  storage.seen.length = 0
})
afterAll(async () => {
  await storage.stop()
  await functions?.stop()
})

async function accountsOf(userId: string): Promise<number> {
  const [row] = await query(
    sql`SELECT count(*)::int AS n FROM agentcache_accounts WHERE agentcache_user_id = ${userId}`,
  )
  return Number(row?.n)
}

test('a user of the routing side gets an account at the storage side, and credentials that work', async () => {
  const userId = newUser()
  const { status, body } = await provision(bodyOf(userId))
  expect({ status, body }).toMatchObject({
    status: 200,
    body: {
      success: true,
      cached: false,
      message: expect.any(String),
      credentials: {
        api_key: expect.stringMatching(/^jt_live_/),
        api_secret: expect.stringMatching(/^jts_/),
        storage_quota_gb: 20,
        jetty_speed_enabled: true,
        s3_bucket: 'jettyspeed',
        s3_prefix: `users/${userId}`,
        provisioned_at: expect.stringMatching(/Z$/),
      },
    },
  })
  const as = body.credentials.api_key
  expect((await call(quota, 'GET', '/api/agentcache/quota', { as })).body.tier).toBe('pro')
  expect(storage.seen.map(({ path }) => path)).toEqual(['/api/agentcache/provision'])
})

test('the same again gives the same credentials, cached, with the tier and quota of now', async () => {
  const userId = newUser()
  const first = await provision(bodyOf(userId))
  await send(upgrade, '/api/agentcache/upgrade', { agentcache_user_id: userId, tier: 'business' })
  const again = await provision(bodyOf(userId))
  expect(again.body).toMatchObject({
    cached: true,
    credentials: {
      api_key: first.body.credentials.api_key,
      api_secret: first.body.credentials.api_secret,
      storage_quota_gb: 100,
    },
  })
})

test('after 30 days, and after keys were changed, it says how to make new ones instead', async () => {
  const [old, changed] = [newUser(), newUser()]
  await provision(bodyOf(old))
  const { body } = await provision(bodyOf(changed))
  await query(sql`UPDATE jettythunder_credentials SET expires_at = now() WHERE subject = ${old}`)
  await call(keys, 'POST', '/api/agentcache/keys', { as: body.credentials.api_secret, body: {} })
  for (const userId of [old, changed]) {
    const again = await provision(bodyOf(userId))
    expect(again).toMatchObject({
      status: 200,
      body: {
        cached: true,
        credentials: { api_key: null, api_secret: null, storage_quota_gb: 20 },
      },
    })
    expect(again.body.message).toContain('/api/agentcache/keys')
  }
})

test('no credential is kept in the clear on this side either', async () => {
  const userId = newUser()
  const { credentials } = (await provision(bodyOf(userId))).body
  const rows = await query(sql`SELECT * FROM jettythunder_credentials WHERE subject = ${userId}`)
  expect(rows.map((row) => row.side).sort()).toEqual(['agentcache', 'storage'])
  expect(JSON.stringify(rows)).not.toContain(credentials.api_key)
  expect(JSON.stringify(rows)).not.toContain(credentials.api_secret)
})

test('50 at once make one account and are answered alike, those that had to ask again too', {
  timeout: 90_000,
}, async ({ signal }) => {
  const userId = newUser()
  // On a busy machine a hundred calls may not all fit into the time that one caller waits; then ever fewer come at once.
  const untilAnswered = async () => {
    for (let tries = 0; ; tries++) {
      const answer = await provision(bodyOf(userId))
      if (answer.status !== 503 || signal.aborted) return answer
      await sleep(Math.random() * 1_000 * 2 ** tries)
    }
  }
  const answers = await Promise.all(Array.from({ length: 50 }, untilAnswered))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body.credentials))).size).toBe(1)
  expect(await accountsOf(userId)).toBe(1)
})

test('a storage side that fails, or whose answer is lost, is asked again under the same id', async () => {
  for (const fate of ['cut', 'cut after', 500, 503, 429] as const) {
    storage.plan.push(fate)
    storage.seen.length = 0
    const userId = newUser()
    const begun = performance.now()
    const { status, body } = await provision(bodyOf(userId))
    expect({ fate, status }).toEqual({ fate, status: 200 })
    expect(body.credentials.api_key).toMatch(/^jt_live_/)
    expect(performance.now() - begun).toBeLessThan(3000 + BUSY_MS)
    expect(storage.seen).toHaveLength(2)
    expect(new Set(storage.seen.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(await accountsOf(userId)).toBe(1)
  }
})

test('a storage side that hangs is given up within 3 s, with leave to ask again', async () => {
  storage.plan.push('hang', 'hang', 'hang')
  const begun = performance.now()
  const answer = await provision(bodyOf(newUser()))
  expect(performance.now() - begun).toBeLessThan(3000 + BUSY_MS)
  expect(answer).toMatchObject({
    status: 503,
    body: { type: '/errors/storage-side-unavailable', retryAfterSeconds: 5 },
  })
  expect(answer.headers.get('retry-after')).toBe('5')
})

test('what the storage side refuses is refused here with the same words, what is between the two is not', async () => {
  const userId = newUser()
  await provision(bodyOf(userId))
  expect(await provision(bodyOf(userId, { tier: 'free' }))).toMatchObject({
    status: 409,
    body: { type: '/errors/account-conflict' },
  })
  storage.plan.push(401)
  expect((await provision(bodyOf(newUser()))).body.type).toBe('/errors/storage-side-unavailable')
})

test('a repeated id is answered alike, also when its first answer was lost; with another body it is refused', async () => {
  const userId = newUser()
  const id = `msg_${randomUUID()}`
  storage.plan.push('cut after', 'hang', 'hang')
  expect((await provision(bodyOf(userId), { id })).status).toBe(503)
  storage.plan.length = 0
  const first = await provision(bodyOf(userId), { id })
  expect(first.body).toMatchObject({ success: true })
  const again = await provision(bodyOf(userId), { id })
  expect(again.body.credentials).toEqual(first.body.credentials)
  const other = newUser()
  expect((await provision(bodyOf(other), { id })).body.type).toBe('/errors/webhook-conflict')
  expect(await accountsOf(other)).toBe(0)
})

test('nothing but a signature of today opens it', async () => {
  const userId = newUser()
  const text = JSON.stringify(bodyOf(userId))
  const old = Math.floor(Date.now() / 1000) - 360
  for (const headers of [
    {},
    signedHeaders(text, { secrets: [SENDER.storage] }),
    signedHeaders(text, { secrets: [SENDER.internal], timestamp: old }),
    { authorization: `Bearer ${SENDER.internal}` },
    { authorization: 'Bearer undefined' },
  ]) {
    expect((await call(POST, 'POST', PATH, { body: text, headers })).status).toBe(401)
  }
  expect(await accountsOf(userId)).toBe(0)
  expect(storage.seen).toEqual([])
})

test('a body that is not right goes no further', async () => {
  for (const more of [{ tier: 'gold' }, { email: '' }, { user_id: 'a b' }]) {
    expect((await provision(bodyOf(newUser(), more))).status).toBe(400)
  }
  expect(storage.seen).toEqual([])
})
