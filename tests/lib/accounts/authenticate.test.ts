import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { GET } from '../../../api/storage/files.ts'
import { hashApiKey } from '../../../lib/accounts/api-key.ts'
import { redis } from '../../../lib/redis/client.ts'
import { anAccount } from '../../local/account.ts'
import { call } from '../../local/request.ts'

const junk = [
  'not json',
  'null',
  '{}',
  '7',
  '{"status":"active"}',
  '{"id":"x","userId":"u","tier":"pro","status":"active"}',
  '{"id":["a"],"userId":"u","tier":"pro","status":"active"}',
]

test('a cached answer that is not an account, as of another version, counts as none', async () => {
  const { apiKey } = await anAccount()
  for (const text of junk) {
    await redis.set(`jetty:key:${hashApiKey(apiKey)}`, text)
    const { status } = await call(GET, 'GET', '/api/storage/files', { as: apiKey })
    expect({ text, status }).toEqual({ text, status: 200 })
  }
})

test('a cached answer for a key that this deployment cannot have made is never asked for', async () => {
  const { apiKey } = await anAccount()
  const forged = `${apiKey.slice(0, -1)}${apiKey.endsWith('A') ? 'B' : 'A'}`
  const account = { id: randomUUID(), userId: 'u', tier: 'pro', status: 'active' }
  await redis.set(`jetty:key:${hashApiKey(forged)}`, JSON.stringify(account))
  expect((await call(GET, 'GET', '/api/storage/files', { as: forged })).status).toBe(401)
})
