import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { query } from '../../lib/db/client.ts'
import { parseEnvironment } from '../../lib/env.ts'
import { redis } from '../../lib/redis/client.ts'
import { sql } from '../../lib/vendor/orm.js'
import { anAccount } from './account.ts'
import { freePort } from './listen.ts'
import { startStack } from './stack.ts'
import { temporaryFolder } from './temporary.ts'

test('the stack of the tests has the 20 edges, five of them with a relay, and the 5 tiers', async () => {
  const [edges] = await query(
    sql`SELECT count(*)::int AS all, count(url)::int AS served FROM edge_locations`,
  )
  const [tiers] = await query(sql`SELECT count(*)::int AS all FROM tier_configs`)
  expect([edges, tiers]).toEqual([{ all: 20, served: 5 }, { all: 5 }])
})

test('accounts of tests are separate, and can have few bytes left', async () => {
  const [one, other] = await Promise.all([
    anAccount(),
    anAccount({ tier: 'starter', bytesLeft: 5 }),
  ])
  expect(one.apiKey).not.toBe(other.apiKey)
  const [row] = await query(sql`
    SELECT t.storage_quota_bytes - a.storage_used_bytes AS left
    FROM agentcache_accounts a JOIN tier_configs t ON t.tier = a.agentcache_tier WHERE a.id = ${other.accountId}`)
  expect(Number(row?.left)).toBe(5)
})

test("the product's Redis client talks to the stack", async () => {
  await redis.set('stack:a', 'x', { ex: 60 })
  expect(await redis.get('stack:a')).toBe('x')
})

test('a stack with functions serves them in their own process, counts what they use, and starts them anew', async () => {
  const stack = await startStack({ functions: true, edges: 2 })
  try {
    expect(() => parseEnvironment(stack.env)).not.toThrow()
    expect(stack.edges.map(({ id }) => id)).toEqual(['lon-1', 'fra-1'])
    for (const { url } of stack.edges) expect((await fetch(`${url}/health`)).status).toBe(200)

    await fetch(`${stack.url}/api/health`)
    const before = await stack.functionStats?.()
    expect(before?.calls).toEqual({ 'GET /api/health': 1 })
    await (
      await fetch(`${stack.url}/`, { method: 'GET', headers: { 'x-padding': 'x'.repeat(5_000) } })
    ).text()
    const after = await stack.functionStats?.()
    expect((after?.network.bytesRead ?? 0) - (before?.network.bytesRead ?? 0)).toBeGreaterThan(
      5_000,
    )

    await stack.reloadFunctions?.()
    expect((await stack.functionStats?.())?.calls).toEqual({})
    expect((await fetch(`${stack.url}/`)).status).toBe(200)
  } finally {
    await stack.stop()
  }
}, 60_000)

test('a stack that cannot start says why and leaves nothing running', async () => {
  const dataDir = await temporaryFolder()
  await mkdir(join(dataDir, 'postgres'))
  const s3 = await freePort()
  await expect(startStack({ dataDir, ports: { s3 } })).rejects.toThrow(/is damaged/)
  await expect(fetch(`http://127.0.0.1:${s3}/`)).rejects.toThrow()
  await rm(dataDir, { recursive: true })
})
