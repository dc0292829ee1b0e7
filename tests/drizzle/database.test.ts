import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { aDatabase } from '../local/database.ts'

const run = promisify(execFile)
const { url, client } = await aDatabase()
afterAll(() => client.end())

async function npmRun(script: string): Promise<void> {
  await run('npm', ['run', '-s', script], { env: { ...process.env, DATABASE_URL: url } })
}

async function scalar(statement: string, values: unknown[] = []): Promise<unknown> {
  const { rows } = await client.query({ text: statement, values, rowMode: 'array' })
  return rows[0]?.[0]
}

test('db:migrate and db:seed work on any database, and twice in a row', {
  timeout: 60_000,
}, async () => {
  for (let round = 0; round < 2; round++) {
    await npmRun('db:migrate')
    await npmRun('db:seed')
  }
  expect(await scalar('SELECT count(*)::int FROM edge_locations')).toBe(20)
  expect(await scalar('SELECT count(DISTINCT country)::int FROM edge_locations')).toBe(11)
  expect(await scalar('SELECT count(*)::int FROM edge_locations WHERE is_active')).toBe(0)
  const { rows } = await client.query(
    'SELECT tier, storage_quota_bytes, bandwidth_quota_bytes, file_bytes_max FROM tier_configs ORDER BY storage_quota_bytes',
  )
  const GIB = 1024 ** 3
  expect(
    rows.map((row) => [
      row.tier,
      ...[row.storage_quota_bytes, row.bandwidth_quota_bytes, row.file_bytes_max].map(
        (text) => Number(text) / GIB,
      ),
    ]),
  ).toEqual([
    ['free', 0, 0, 0],
    ['starter', 2, 10, 2],
    ['pro', 20, 100, 20],
    ['business', 100, 500, 100],
    ['enterprise', 1000, 5000, 5120],
  ])
})

test('seeding again keeps what an operator changed', { timeout: 60_000 }, async () => {
  await client.query("UPDATE tier_configs SET storage_quota_bytes = 1 WHERE tier = 'pro'")
  await client.query(
    "UPDATE edge_locations SET url = 'https://relay.example', is_active = true, city = 'x' WHERE id = 'lon-1'",
  )
  await npmRun('db:seed')
  expect(await scalar("SELECT storage_quota_bytes::int FROM tier_configs WHERE tier = 'pro'")).toBe(
    1,
  )
  expect(await scalar("SELECT city || ' ' || url FROM edge_locations WHERE id = 'lon-1'")).toBe(
    'London https://relay.example',
  )
})

const refused = [
  [
    'a user id that is a path',
    "INSERT INTO agentcache_accounts (agentcache_user_id, agentcache_email, agentcache_tier) VALUES ('..', 'e', 'pro')",
  ],
  [
    'an unknown tier',
    "INSERT INTO agentcache_accounts (agentcache_user_id, agentcache_email, agentcache_tier) VALUES ('u1', 'e', 'gold')",
  ],
  [
    'negative usage',
    "INSERT INTO agentcache_accounts (agentcache_user_id, agentcache_email, agentcache_tier, storage_used_bytes) VALUES ('u2', 'e', 'pro', -1)",
  ],
  [
    'an edge that is offered without a URL',
    "UPDATE edge_locations SET is_active = true WHERE id = 'syd-1'",
  ],
  ['an edge off the globe', "UPDATE edge_locations SET lat = 91 WHERE id = 'syd-1'"],
]
for (const [what, statement] of refused) {
  test(`the schema itself refuses ${what}`, async () => {
    await expect(client.query(statement ?? '')).rejects.toThrow(/violates/)
  })
}
