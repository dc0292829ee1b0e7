import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { DELETE, GET, POST } from '../../../api/agentcache/keys.ts'
import { POST as provision } from '../../../api/agentcache/provision.ts'
import { hashApiSecret, newApiSecret } from '../../../lib/accounts/api-secret.ts'
import { call } from '../../local/request.ts'
import { send } from '../../local/webhook.ts'

const PATH = '/api/agentcache/keys'

async function aHolder() {
  const userId = `user-${randomUUID()}`
  const email = `${userId}@example.test`
  const body = { agentcache_user_id: userId, agentcache_email: email, tier: 'pro' }
  const again = async () => (await send(provision, '/api/agentcache/provision', body)).body.account
  const { api_secret: secret, id } = await again()
  return { secret: String(secret), id, again }
}
const opens = async (as: string) => (await call(GET, 'GET', PATH, { as })).status === 200

test('a secret has 256 bits and no two are alike; stored is its digest', () => {
  const secrets = Array.from({ length: 1000 }, newApiSecret)
  expect(new Set(secrets).size).toBe(1000)
  for (const secret of secrets) expect(secret).toMatch(/^jts_[\w-]{43}$/)
  expect(hashApiSecret(secrets[0] ?? '')).toMatch(/^[0-9a-f]{64}$/)
})

test('of ten changes of the secret at once one succeeds, and what it answered is the secret', async () => {
  const { secret } = await aHolder()
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      call(POST, 'POST', PATH, { as: secret, body: { secret: true } }),
    ),
  )
  const changed = answers.filter(({ status }) => status === 200)
  expect(changed).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(9)
  expect(await opens(changed[0]?.body.apiSecret)).toBe(true)
  expect(await opens(secret)).toBe(false)
})

test('revoking a key that is not there leaves everything as it was', async () => {
  const { secret, again } = await aHolder()
  const before = await again()
  const { status } = await call(DELETE, 'DELETE', `${PATH}?keyId=${'0'.repeat(16)}`, { as: secret })
  expect(status).toBe(404)
  expect(before.api_secret).toBe(secret)
  expect(await again()).toEqual(before)
})
