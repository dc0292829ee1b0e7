import { expect, test } from 'vitest'
import { query } from '../../lib/db/client.ts'
import { redis } from '../../lib/redis/client.ts'
import { sql } from '../../lib/vendor/orm.js'
import { anAccount } from './account.ts'

test('the stack has a migrated database with 20 edges and 5 tiers', async () => {
  const [edges] = await query(sql`SELECT count(*) FROM edge_locations`)
  const [tiers] = await query(sql`SELECT count(*) FROM tier_configs`)
  expect([Number(edges?.count), Number(tiers?.count)]).toEqual([20, 5])
})

test('an account for a test has a key of its own', async () => {
  const [one, other] = await Promise.all([anAccount(), anAccount({ bytesLeft: 5 })])
  expect(one.apiKey).not.toBe(other.apiKey)
})

test('the Redis client of the product talks to the stack', async () => {
  await redis.set('stack:a', 'x', { ex: 60 })
  expect(await redis.get('stack:a')).toBe('x')
})
