import { randomUUID } from 'node:crypto'
import { afterAll, expect, test, vi } from 'vitest'
import { type Functions, startFunctions } from '../../local/functions.ts'

const BEARER = `bearer-${randomUUID()}-${randomUUID()}`

process.env.WEBHOOK_BEARER_SECRET = BEARER
let functions: Functions | undefined = await startFunctions()
process.env.JETTYTHUNDER_API_URL = functions.url
// The first call of a function loads its code: longer than a caller waits, on a machine that is busy.
for (const name of ['provision', 'upgrade'])
  await fetch(`${functions.url}/api/agentcache/${name}`, { method: 'POST' })

const { POST: provision } = await import('../../../api/agentcache/provision.ts')
const { POST: upgrade } = await import('../../../api/agentcache/upgrade.ts')
const { POST: internalProvision } = await import('../../../api/webhooks/jettythunder/provision.ts')
const { POST: internalTier } = await import('../../../api/webhooks/jettythunder/tier.ts')
const { query } = await import('../../../lib/db/client.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { call } = await import('../../local/request.ts')
const { SENDER, signedHeaders } = await import('../../local/webhook.ts')

afterAll(async () => {
  await functions?.stop()
  functions = undefined
})

const newUser = () => `user-${randomUUID()}`

/** The four endpoints, in the order in which a user meets them. */
function endpoints(userId: string) {
  const email = `${userId}@example.test`
  const customer = { user_id: userId, email, tier: 'pro' }
  const routing = { agentcache_user_id: userId, agentcache_email: email, tier: 'pro' }
  return [
    [internalProvision, '/api/webhooks/jettythunder/provision', customer],
    [provision, '/api/agentcache/provision', routing],
    [internalTier, '/api/webhooks/jettythunder/tier', { user_id: userId, tier: 'business' }],
    [upgrade, '/api/agentcache/upgrade', { agentcache_user_id: userId, tier: 'starter' }],
  ] as const
}

async function accountsOf(userId: string): Promise<number> {
  const [row] = await query(
    sql`SELECT count(*)::int AS n FROM agentcache_accounts WHERE agentcache_user_id = ${userId}`,
  )
  return Number(row?.n)
}

test('while it is set, the bearer opens all four endpoints, again and again alike', async () => {
  const userId = newUser()
  for (const [handler, path, body] of endpoints(userId)) {
    const ask = () =>
      call(handler, 'POST', path, { body, headers: { authorization: `Bearer ${BEARER}` } })
    const first = await ask()
    expect({ path, ok: first.status < 300 }).toEqual({ path, ok: true })
    const again = await ask()
    expect(again.body.account ?? again.body.credentials).toEqual(
      first.body.account ?? first.body.credentials,
    )
  }
  expect(await accountsOf(userId)).toBe(1)
})

test('20 calls by the bearer at once make one account and are answered alike', async () => {
  const userId = newUser()
  const body = { agentcache_user_id: userId, agentcache_email: 'a@example.test', tier: 'pro' }
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      call(provision, 'POST', '/api/agentcache/provision', {
        body,
        headers: { authorization: `Bearer ${BEARER}` },
      }),
    ),
  )
  expect(new Set(answers.map((answer) => JSON.stringify(answer.body.account))).size).toBe(1)
  expect(await accountsOf(userId)).toBe(1)
})

test('a signature still counts, and who sends any of one is judged by it alone', async () => {
  const [userId] = [newUser()]
  for (const [handler, path, body] of endpoints(userId)) {
    const text = JSON.stringify(body)
    const secrets = [path.includes('webhooks') ? SENDER.internal : SENDER.storage]
    const good = signedHeaders(text, { secrets })
    const authorization = `Bearer ${BEARER}`
    const status = async (headers: Record<string, string>) =>
      (await call(handler, 'POST', path, { body: text, headers })).status
    const { 'webhook-signature': _, ...unsigned } = good
    const bad = { ...good, 'webhook-signature': 'v1,AAAA' }
    expect(await status({ ...bad, authorization })).toBe(401)
    expect(await status({ ...unsigned, authorization })).toBe(401)
    expect(await status({ authorization, 'webhook-id': 'msg_1' })).toBe(401)
    expect(await status({ authorization, 'webhook-timestamp': '1' })).toBe(401)
    expect(await status({ ...good, authorization: 'Bearer nonsense' })).toBeLessThan(300)
  }
})

test('no signing secret, no other secret and no beginning of the bearer is one', async () => {
  const userId = newUser()
  const { CRON_SECRET = '', ADMIN_TOKEN = '' } = process.env
  for (const [handler, path, body] of endpoints(userId)) {
    for (const authorization of [
      ...[SENDER.internal, SENDER.storage, CRON_SECRET, ADMIN_TOKEN].map((one) => `Bearer ${one}`),
      `Bearer ${BEARER.slice(0, -1)}`,
      `Bearer ${BEARER}x`,
      `bearer ${BEARER}`,
      BEARER,
      'Bearer ',
      'Bearer undefined',
      '',
    ]) {
      const { status } = await call(handler, 'POST', path, { body, headers: { authorization } })
      expect({ path, authorization, status }).toMatchObject({ status: 401 })
    }
  }
  expect(await accountsOf(userId)).toBe(0)
})

test.each(['', undefined])(
  'set to %j it is not set: nothing but a signature opens',
  async (value) => {
    vi.resetModules()
    if (value === undefined) delete process.env.WEBHOOK_BEARER_SECRET
    else process.env.WEBHOOK_BEARER_SECRET = value
    const { POST } = await import('../../../api/agentcache/provision.ts')
    const userId = newUser()
    const body = { agentcache_user_id: userId, agentcache_email: 'a@example.test', tier: 'pro' }
    for (const authorization of [
      'Bearer ',
      'Bearer undefined',
      'Bearer null',
      `Bearer ${BEARER}`,
    ]) {
      const path = '/api/agentcache/provision'
      expect((await call(POST, 'POST', path, { body, headers: { authorization } })).status).toBe(
        401,
      )
    }
    expect(await accountsOf(userId)).toBe(0)
  },
)
