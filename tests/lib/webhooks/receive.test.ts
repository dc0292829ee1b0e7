import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { POST as provision } from '../../../api/agentcache/provision.ts'
import * as quota from '../../../api/agentcache/quota.ts'
import { POST as upgrade } from '../../../api/agentcache/upgrade.ts'
import { POST as internalTier } from '../../../api/webhooks/jettythunder/tier.ts'
import { anAccount } from '../../local/account.ts'
import { call } from '../../local/request.ts'
import { SENDER, send, signedHeaders } from '../../local/webhook.ts'

const PROVISION = '/api/agentcache/provision'
const UPGRADE = '/api/agentcache/upgrade'
const tierOf = async (as: string) =>
  (await call(quota.GET, 'GET', '/api/agentcache/quota', { as })).body.tier

test('a message that acted does not act again, however its address is spelt', async () => {
  const { apiKey, userId } = await anAccount({ tier: 'starter' })
  const id = `msg_${randomUUID()}`
  const message = { agentcache_user_id: userId, tier: 'enterprise' }
  const first = await send(upgrade, UPGRADE, message, { id })
  await send(upgrade, UPGRADE, { ...message, tier: 'starter' })
  for (const path of [
    `${UPGRADE}/`,
    '/api/agentcache/%75pgrade',
    '/api//agentcache/upgrade',
    '/API/agentcache/upgrade',
    `${UPGRADE}?a=1`,
    `${UPGRADE}.ts`,
  ]) {
    expect((await send(upgrade, path, message, { id })).body).toEqual(first.body)
    expect({ path, tier: await tierOf(apiKey) }).toEqual({ path, tier: 'starter' })
  }
})

test('a message sent on to another endpoint of the same secret does nothing there', async () => {
  const { apiKey, userId } = await anAccount({ tier: 'starter' })
  const id = `msg_${randomUUID()}`
  // Both endpoints find what they need in it.
  const text = JSON.stringify({
    agentcache_user_id: userId,
    agentcache_email: 'a@example.test',
    tier: 'enterprise',
  })
  const headers = signedHeaders(text, { id })
  expect((await call(provision, 'POST', PROVISION, { body: text, headers })).status).toBe(409)
  expect(await call(upgrade, 'POST', UPGRADE, { body: text, headers })).toMatchObject({
    status: 409,
    body: { type: '/errors/webhook-conflict' },
  })
  expect(await tierOf(apiKey)).toBe('starter')
})

test('the routing side’s messages are not the customer’s, and the other way round', async () => {
  const { apiKey, userId } = await anAccount({ tier: 'starter' })
  const text = JSON.stringify({ user_id: userId, agentcache_user_id: userId, tier: 'pro' })
  const byCustomer = signedHeaders(text, { secrets: [SENDER.internal] })
  const byRouting = signedHeaders(text, { secrets: [SENDER.storage] })
  expect((await call(upgrade, 'POST', UPGRADE, { body: text, headers: byCustomer })).status).toBe(
    401,
  )
  const path = '/api/webhooks/jettythunder/tier'
  expect((await call(internalTier, 'POST', path, { body: text, headers: byRouting })).status).toBe(
    401,
  )
  expect(await tierOf(apiKey)).toBe('starter')
})

test('a message that is not JSON, or too large, is refused after its signature, not before', async () => {
  const big = `"${'x'.repeat(4_500_001)}"`
  for (const [text, status, refused] of [
    ['{', 400, 401],
    ['', 400, 401],
    [big, 413, 413],
  ] as const) {
    const headers = signedHeaders(text, {})
    expect((await call(upgrade, 'POST', UPGRADE, { body: text, headers })).status).toBe(status)
    expect((await call(upgrade, 'POST', UPGRADE, { body: text })).status).toBe(refused)
  }
})

test('two accounts’ first messages under one id: one acts, the other is told', async () => {
  const [one, other] = await Promise.all([anAccount(), anAccount()])
  const id = `msg_${randomUUID()}`
  const answers = await Promise.all(
    [one, other].map(({ userId }) =>
      send(upgrade, UPGRADE, { agentcache_user_id: userId, tier: 'business' }, { id }),
    ),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  const tiers = await Promise.all([one, other].map(({ apiKey }) => tierOf(apiKey)))
  expect(tiers.sort()).toEqual(['business', 'pro'])
})
