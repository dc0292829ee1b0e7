import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BUSY_MS, type Fate, startFlaky } from '../../local/flaky.ts'
import { type Functions, startFunctions } from '../../local/functions.ts'

let functions: Functions | undefined
const storage = await startFlaky(() => functions?.url ?? '')
process.env.JETTYTHUNDER_API_URL = storage.url
functions = await startFunctions()
// The first call of a function loads its code: longer than a caller waits, on a machine that is busy.
await fetch(`${functions.url}/api/agentcache/provision`, { method: 'POST' })

const { POST } = await import('../../../api/webhooks/jettythunder/provision.ts')
const { POST: tier } = await import('../../../api/webhooks/jettythunder/tier.ts')
const { POST: upgrade } = await import('../../../api/agentcache/upgrade.ts')
const { query } = await import('../../../lib/db/client.ts')
const { unseal } = await import('../../../lib/accounts/seal.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { SENDER, send } = await import('../../local/webhook.ts')

const PATH = '/api/webhooks/jettythunder/provision'
const newUser = () => `user-${randomUUID()}`
const bodyOf = (userId: string) => ({
  user_id: userId,
  email: `${userId}@example.test`,
  tier: 'pro',
})
const provision = (userId: string, options: object = {}) =>
  send(POST, PATH, bodyOf(userId), { secrets: [SENDER.internal], ...options })

beforeEach(() => {
  storage.plan.length = 0
  storage.seen.length = 0
})
afterEach(() => vi.restoreAllMocks())
afterAll(async () => {
  await storage.stop()
  await functions?.stop()
})

test.each<Fate>(['cut short', 'half JSON', 'hang short'])(
  'an answer that comes in part (%s) is asked for again and acted upon once',
  async (fate) => {
    storage.plan.push(fate)
    const userId = newUser()
    const begun = performance.now()
    const { status, body } = await provision(userId)
    expect(performance.now() - begun).toBeLessThan(3000 + BUSY_MS)
    expect({ status, cached: body.cached }).toEqual({ status: 200, cached: true })
    expect(body.credentials.api_key).toMatch(/^jt_live_/)
    expect(new Set(storage.seen.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  },
)

test('an answer that never comes whole is given up in time, with leave to ask again', async () => {
  storage.plan.push('hang short', 'hang short', 'hang short')
  const begun = performance.now()
  expect((await provision(newUser())).body.type).toBe('/errors/storage-side-unavailable')
  expect(performance.now() - begun).toBeLessThan(3000 + BUSY_MS)
})

test('something that is no storage side is not asked twice', async () => {
  storage.plan.push('other JSON')
  const answer = await provision(newUser())
  expect(answer).toMatchObject({ status: 503, body: { retryAfterSeconds: 5 } })
  expect(storage.seen).toHaveLength(1)
})

test('each attempt is signed at its own time, under the id of the message', async () => {
  const id = `msg_${randomUUID()}`
  storage.plan.push(503, 'cut', 502)
  expect((await provision(newUser(), { id })).status).toBe(200)
  expect(storage.seen.map(({ headers }) => headers['webhook-id'])).toEqual([id, id, id, id])
})

test('a user who was deleted is not provisioned again, until the status is set back', async () => {
  const userId = newUser()
  const first = await provision(userId)
  const change = (status: string) =>
    send(upgrade, '/api/agentcache/upgrade', { agentcache_user_id: userId, status })
  await change('deleted')
  expect(await provision(userId)).toMatchObject({
    status: 403,
    body: { type: '/errors/account-deleted' },
  })
  await change('active')
  expect((await provision(userId)).body.credentials).toEqual(first.body.credentials)
})

test('credentials of another storage side take the place of those that were kept', async () => {
  const userId = newUser()
  const { body } = await provision(userId)
  await query(sql`
    UPDATE jettythunder_credentials SET sealed = 'v1.00000000.AAAA' WHERE side = 'agentcache' AND subject = ${userId}`)
  expect((await provision(userId)).body.credentials).toEqual(body.credentials)
  const [row] = await query(
    sql`SELECT sealed FROM jettythunder_credentials WHERE side = 'agentcache' AND subject = ${userId}`,
  )
  const kept = unseal(String(row?.sealed), `credentials/agentcache/${userId}`)
  expect(JSON.parse(kept ?? '{}')).toMatchObject({ apiKey: body.credentials.api_key })
})

test('neither keys nor secrets nor signatures are in the log, whatever fails', async () => {
  const lines: string[] = []
  for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, name).mockImplementation((...words) => void lines.push(words.join(' ')))

  const given: string[] = []
  const fates: Fate[] = ['cut', 'cut after', 'cut short', 'half JSON', 'other JSON', 500, 401, 409]
  for (const fate of fates) {
    storage.plan.push(fate)
    const userId = newUser()
    await provision(userId)
    storage.plan.length = 0
    const { credentials } = (await provision(userId)).body
    given.push(credentials.api_key, credentials.api_secret)
    await send(
      tier,
      '/api/webhooks/jettythunder/tier',
      { user_id: userId, tier: 'business' },
      {
        secrets: [SENDER.internal],
      },
    )
  }
  await provision(newUser(), { secrets: [SENDER.storage] })

  const log = lines.join('\n')
  // What failed is told, else this shows nothing.
  expect(log).toContain('the storage side does not answer')
  expect(log).toContain('the storage side answers in another language')
  expect(log).toContain('the storage side answers something else')
  const { env } = await import('../../../lib/env.ts')
  const secrets = [
    ...given,
    ...storage.seen.map(({ headers }) => String(headers['webhook-signature'])),
    ...[env.INTERNAL_WEBHOOK_SECRET, env.AGENTCACHE_WEBHOOK_SECRET, env.JETTY_MASTER_KEY],
    env.UPSTASH_REDIS_REST_TOKEN,
  ]
  expect(given).toHaveLength(2 * fates.length)
  expect(secrets.filter((secret) => log.includes(secret))).toEqual([])
  expect(/jt_live_|jts_|whsec_|v1,/.exec(log)).toBeNull()
})
