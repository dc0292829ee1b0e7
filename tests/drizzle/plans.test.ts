import { randomUUID } from 'node:crypto'
import { PgDialect } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../drizzle/migrate.ts'
import { seed } from '../../drizzle/seed.ts'
import { aDatabase } from '../local/database.ts'

const ROWS = 20_000
const { url, client } = await aDatabase()
const account = randomUUID()

/** An account of 20,000 files and uploads beside those of other tests, so that a scan would cost. */
beforeAll(async () => {
  await migrate(url)
  await seed(client)
  await client.query(
    `INSERT INTO agentcache_accounts (id, agentcache_user_id, agentcache_email, agentcache_tier) VALUES ($1, $2, 'e', 'pro')`,
    [account, account],
  )
  await client.query(
    `
    INSERT INTO file_hashes (account_id, file_hash, file_size, storage_key, etag, verified)
    SELECT $1::uuid, 'sha256:' || md5(n::text), n, 'plans/' || $1::text || '/' || n, 'e', true FROM generate_series(1, ${ROWS}) n`,
    [account],
  )
  await client.query(
    `
    INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via)
    SELECT account_id, id, 'd' || file_size % 100 || '/' || file_size, file_size, 'x/y', 'api' FROM file_hashes WHERE account_id = $1`,
    [account],
  )
  await client.query(
    `
    INSERT INTO uploads (account_id, file_hash, file_size, part_count, checksum, storage_key, part_digests, uploaded_via, urls_expire_at, expires_at, state)
    SELECT $1::uuid, 'sha256:' || md5(n::text), n, 1, 'sha256', 'plans/u/' || $1::text || '/' || n, '', 'api', now(), now(), CASE WHEN n % 10 = 0 THEN 'open' ELSE 'done' END
    FROM generate_series(1, ${ROWS}) n`,
    [account],
  )
  await client.query(
    `INSERT INTO api_keys (key_hash, account_id) SELECT md5(n::text), $1 FROM generate_series(1, ${ROWS}) n`,
    [account],
  )
  await client.query('ANALYZE')
}, 60_000)

afterAll(() => client.end())

const hot: [what: string, index: string, statement: string][] = [
  ['a key', 'api_keys_pkey', `SELECT 1 FROM api_keys WHERE key_hash = 'x'`],
  [
    'a duplicate',
    'file_hashes_content',
    `SELECT 1 FROM file_hashes WHERE account_id = '${account}' AND file_hash = 'x' AND file_size = 5 AND state = 'live'`,
  ],
  [
    'an open upload of a content',
    'uploads_content',
    `SELECT 1 FROM uploads WHERE account_id = '${account}' AND file_hash = 'x' AND file_size = 5 AND state IN ('open', 'completing')`,
  ],
  [
    'a live file at a path',
    'agentcache_assets_path',
    `SELECT 1 FROM agentcache_assets WHERE account_id = '${account}' AND path = 'd1/1' AND trashed_at IS NULL`,
  ],
  [
    'a page of a folder',
    'agentcache_assets_path',
    `SELECT * FROM agentcache_assets WHERE account_id = '${account}' AND trashed_at IS NULL AND path >= 'd5/' AND path < 'd5/' || chr(1114111) AND (path, id) > ('d5/3', '${randomUUID()}') ORDER BY path, id LIMIT 101`,
  ],
  [
    'a page of open uploads',
    'uploads_open',
    `SELECT * FROM uploads WHERE account_id = '${account}' AND state IN ('open', 'completing') ORDER BY created_at DESC, id DESC LIMIT 101`,
  ],
  [
    'uploads to release',
    'uploads_aborting',
    `SELECT * FROM uploads WHERE state = 'aborting' ORDER BY updated_at LIMIT 200`,
  ],
  [
    'uploads to expire',
    'uploads_expiry',
    `SELECT id FROM uploads WHERE state = 'open' AND expires_at < now() - interval '1 year' ORDER BY expires_at LIMIT 200`,
  ],
  [
    'the files of a blob',
    'agentcache_assets_blob',
    `SELECT 1 FROM agentcache_assets WHERE blob_id = '${randomUUID()}'`,
  ],
]
test('the bases of 20 changed files are found by the indexes of ids and paths', async () => {
  const { basesStatement } = await import('../../lib/uploads/base.ts')
  const wanted = Array.from({ length: 20 }, (_, n) => ({ path: `d${n}/${n}`, baseFileId: account }))
  const { sql: text, params } = new PgDialect().sqlToQuery(basesStatement(account, wanted))
  const { rows } = await client.query(`EXPLAIN ${text}`, params)
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
  expect(plan).toContain('agentcache_assets_path')
  expect(plan).toContain('agentcache_assets_pkey')
  expect(plan).not.toContain('Seq Scan')
})

for (const [what, index, statement] of hot) {
  test(`${what} is found by ${index}, without reading the table`, async () => {
    const { rows } = await client.query(`EXPLAIN ${statement}`)
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan).toContain(index)
    expect(plan).not.toContain('Seq Scan')
  })
}
