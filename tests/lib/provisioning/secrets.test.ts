import { randomUUID } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { type Functions, startFunctions } from '../../local/functions.ts'

const functions: Functions = await startFunctions()
process.env.JETTYTHUNDER_API_URL = functions.url
const complete = { ...process.env }

const ENDPOINTS = [
  '../../../api/webhooks/jettythunder/provision.ts',
  '../../../api/webhooks/jettythunder/tier.ts',
  '../../../api/agentcache/provision.ts',
  '../../../api/agentcache/upgrade.ts',
]
const SECRETS = [
  'INTERNAL_WEBHOOK_SECRET',
  'AGENTCACHE_WEBHOOK_SECRET',
  'JETTYTHUNDER_WEBHOOK_SECRET',
  'JETTY_MASTER_KEY',
]

afterEach(() => {
  for (const name of SECRETS) process.env[name] = complete[name]
  vi.resetModules()
})

test.each(SECRETS)(
  'without %s, or with a short one, no provisioning endpoint starts',
  async (name) => {
    for (const value of [undefined, '', 'secret', 'a'.repeat(31)]) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
      for (const endpoint of ENDPOINTS) {
        vi.resetModules()
        await expect(import(/* @vite-ignore */ endpoint)).rejects.toThrow(
          value ? `${name}: ` : `${name} is missing`,
        )
      }
    }
  },
)

test('no credential lies in Redis, neither in a value nor in the name of a key, nor in the database', async () => {
  await import('../../local/preload.ts')
  const { call } = await import('../../local/request.ts')
  const { send, SENDER } = await import('../../local/webhook.ts')
  const { POST: provision } = await import('../../../api/webhooks/jettythunder/provision.ts')
  const { GET: quota } = await import('../../../api/agentcache/quota.ts')
  const { GET: keys } = await import('../../../api/agentcache/keys.ts')
  const { redis } = await import('../../../lib/redis/client.ts')
  const { query } = await import('../../../lib/db/client.ts')
  const { sql } = await import('../../../lib/vendor/orm.js')

  const userId = `user-${randomUUID()}`
  const body = { user_id: userId, email: `${userId}@example.test`, tier: 'pro' }
  const path = '/api/webhooks/jettythunder/provision'
  const { credentials } = (await send(provision, path, body, { secrets: [SENDER.internal] })).body
  const { api_key, api_secret } = credentials
  for (let n = 0; n < 3; n++) {
    await call(quota, 'GET', '/api/agentcache/quota', { as: api_key })
    await call(keys, 'GET', '/api/agentcache/keys', { as: api_secret })
  }
  await expect.poll(async () => (await redis.keys('jetty:key:*')).length).toBeGreaterThan(0)

  const inRedis: string[] = []
  for (const name of await redis.keys('*'))
    inRedis.push(name, String(await redis.get(name).catch(() => '')))
  const tables = await query(sql`
    SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`)
  // Asked there: all that every test has put into the database would not fit one answer.
  const rowsWith = async (text: string) => {
    const counts = await Promise.all(
      tables.map(({ table_name }) =>
        query(sql`
          SELECT count(*)::int AS n FROM ${sql.identifier(String(table_name))} t WHERE position(${text} IN t::text) > 0`),
      ),
    )
    return counts.reduce((sum, [row]) => sum + Number(row?.n), 0)
  }
  expect(inRedis.join('\n')).toContain('jetty:key:')
  expect(await rowsWith(userId)).toBeGreaterThan(0)
  for (const secret of [api_key, api_secret]) {
    expect(inRedis.filter((text) => text.includes(secret))).toEqual([])
    expect(await rowsWith(secret)).toBe(0)
  }
  await functions.stop()
})
