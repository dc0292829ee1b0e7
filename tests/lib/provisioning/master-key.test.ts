import { randomBytes, randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'

/** The endpoints as a deployment with this list of master keys has them. */
async function deployedWith(masterKeys: string) {
  vi.resetModules()
  process.env.JETTY_MASTER_KEY = masterKeys
  await import('../../local/preload.ts')
  const { POST: provision } = await import('../../../api/agentcache/provision.ts')
  const { GET: quota } = await import('../../../api/agentcache/quota.ts')
  const { GET: keys, POST: rotate } = await import('../../../api/agentcache/keys.ts')
  const { call } = await import('../../local/request.ts')
  const { send } = await import('../../local/webhook.ts')
  const read = (handler: typeof quota, path: string, as: string) =>
    call(handler, 'GET', path, { as })
  return {
    provision: (userId: string) =>
      send(provision, '/api/agentcache/provision', {
        agentcache_user_id: userId,
        agentcache_email: `${userId}@example.test`,
        tier: 'pro',
      }),
    takesKey: async (as: string) => (await read(quota, '/api/agentcache/quota', as)).status === 200,
    takesSecret: async (as: string) =>
      (await read(keys, '/api/agentcache/keys', as)).status === 200,
    newKey: async (as: string) =>
      (await call(rotate, 'POST', '/api/agentcache/keys', { as, body: {} })).body.apiKey,
  }
}
const newKey = () => randomBytes(32).toString('base64')

test('after a change of the master key, credentials still open and API keys stay valid', async () => {
  const [older, newer] = [newKey(), newKey()]
  const userId = `user-${randomUUID()}`
  const { account } = (await (await deployedWith(older)).provision(userId)).body

  const both = await deployedWith(`${newer},${older}`)
  const again = await both.provision(userId)
  expect(again.body.account).toEqual(account)
  expect(await both.takesKey(account.api_key)).toBe(true)
  expect(await both.takesSecret(account.api_secret)).toBe(true)
  const young = await both.newKey(account.api_secret)

  const alone = await deployedWith(newer)
  expect(await alone.takesKey(young)).toBe(true)
  expect(await alone.takesKey(account.api_key)).toBe(false)
})

test('once the old one is dropped, credentials under it are not shown, and the secret makes a new key', async () => {
  const [older, newer] = [newKey(), newKey()]
  const userId = `user-${randomUUID()}`
  const { account } = (await (await deployedWith(older)).provision(userId)).body

  const { provision, newKey: make, takesKey } = await deployedWith(newer)
  const late = await provision(userId)
  expect(late).toMatchObject({
    status: 200,
    body: { cached: true, account: { id: account.id, api_key: null, api_secret: null } },
  })
  expect(await takesKey(await make(account.api_secret))).toBe(true)
})
