import { randomUUID } from 'node:crypto'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { startFlaky } from '../../../local/flaky.ts'
import { type Functions, startFunctions } from '../../../local/functions.ts'

let functions: Functions | undefined
const storage = await startFlaky(() => functions?.url ?? '')
process.env.JETTYTHUNDER_API_URL = storage.url
functions = await startFunctions()
// The first call of a function loads its code: longer than a caller waits, on a machine that is busy.
await fetch(`${functions.url}/api/agentcache/upgrade`, { method: 'POST' })

const { POST } = await import('../../../../api/webhooks/jettythunder/tier.ts')
const { GET: quota } = await import('../../../../api/agentcache/quota.ts')
const { anAccount } = await import('../../../local/account.ts')
const { call } = await import('../../../local/request.ts')
const { SENDER, send } = await import('../../../local/webhook.ts')

const PATH = '/api/webhooks/jettythunder/tier'
const change = (user_id: string, tier: string, options: object = {}) =>
  send(POST, PATH, { user_id, tier }, { secrets: [SENDER.internal], ...options })
const tierOf = async (as: string) =>
  (await call(quota, 'GET', '/api/agentcache/quota', { as })).body.tier

beforeEach(() => {
  storage.plan.length = 0
})
afterAll(async () => {
  await storage.stop()
  await functions?.stop()
})

test('a paid tier counts at once, up and down', async () => {
  const { apiKey, userId } = await anAccount({ tier: 'starter' })
  for (const tier of ['enterprise', 'free']) {
    const { status, body } = await change(userId, tier)
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { success: true, account: { tier } },
    })
    expect(await tierOf(apiKey)).toBe(tier)
  }
})

test('a repeated message does not bring back what changed since', async () => {
  const { apiKey, userId } = await anAccount({ tier: 'starter' })
  const id = `msg_${randomUUID()}`
  const first = await change(userId, 'pro', { id })
  await change(userId, 'business')
  expect((await change(userId, 'pro', { id })).body).toEqual(first.body)
  expect(await tierOf(apiKey)).toBe('business')
  expect((await change(userId, 'free', { id })).body.type).toBe('/errors/webhook-conflict')
})

test('an id that came with another message is refused here: the storage side is not asked', async () => {
  const { userId } = await anAccount({ tier: 'starter' })
  const id = `msg_${randomUUID()}`
  expect((await change(userId, 'pro', { id })).status).toBe(200)
  const { length } = storage.seen
  const refused = await change(userId, 'free', { id })
  expect([refused.status, refused.body.type]).toEqual([409, '/errors/webhook-conflict'])
  expect(storage.seen).toHaveLength(length)
})

test('a lost answer is asked for again, and the change acted once', async () => {
  const { apiKey, userId } = await anAccount({ tier: 'starter' })
  storage.plan.push('cut after', 502)
  expect((await change(userId, 'pro')).status).toBe(200)
  expect(await tierOf(apiKey)).toBe('pro')
})

test('a user without an account is 404, an unknown tier 400, an unsigned message 401', async () => {
  const { apiKey, userId } = await anAccount()
  expect((await change(`nobody-${randomUUID()}`, 'pro')).status).toBe(404)
  expect((await change(userId, 'gold')).status).toBe(400)
  expect((await change(userId, 'free', { secrets: [SENDER.storage] })).status).toBe(401)
  expect(await tierOf(apiKey)).toBe('pro')
})
