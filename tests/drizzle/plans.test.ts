import { randomUUID } from 'node:crypto'
import { PgDialect } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../drizzle/migrate.ts'
import { seed } from '../../drizzle/seed.ts'
import { bandsOf } from '../../lib/content/bands.ts'
import { likeStatement, similarStatement } from '../../lib/similar/candidates.ts'
import { pageStatements } from '../../lib/similar/page.ts'
import { type SQL, sql } from '../../lib/vendor/orm.js'
import { aDatabase } from '../local/database.ts'

const ROWS = 20_000
const { url, client } = await aDatabase()
const account = randomUUID()
/** Every 20th stored content has this value of its first band, as small files may. */
const CROWDED = 7

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
  const bands = Array.from({ length: 7 }, () => '(random() * 4e9 - 2e9)::int').join(', ')
  await client.query(
    `
    INSERT INTO blob_sketches
    SELECT id, account_id, 16384, file_size, decode(repeat('07', 512), 'hex'), CASE WHEN file_size % 20 = 0 THEN ${CROWDED} ELSE file_size END, ${bands}
    FROM file_hashes WHERE account_id = $1`,
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
  [
    "others' copies of a content",
    'file_hashes_provable',
    `SELECT id FROM file_hashes b WHERE b.file_hash = 'x' AND b.file_size = 5 AND b.state = 'live' AND b.verified AND b.account_id <> '${account}' LIMIT 8`,
  ],
  [
    'the uploads that a copy was proven for',
    'uploads_proven_blob',
    `SELECT 1 FROM uploads WHERE proven_blob_id = '${randomUUID()}'`,
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

const EVERY_BAND = Array.from({ length: 8 }, (_, at) => `blob_sketches_band${at + 1}`)
const sketch = { averageBytes: 16384, distinctBytes: 1000, bins: new Uint8Array(512).fill(9) }
const crowded = sql.join(
  Array.from({ length: 8 }, (_, at) => sql.raw(`${CROWDED} AS w_band${at + 1}`)),
  sql`, `,
)

/** A statement as it is sent, with its plan. */
async function planOf(statement: SQL, options = ''): Promise<string> {
  const { sql: text, params } = new PgDialect().sqlToQuery(statement)
  const { rows } = await client.query(`EXPLAIN ${options} ${text}`, params)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

test('similar contents are found by the index of each band, without reading a table', async () => {
  expect(bandsOf(sketch)).toHaveLength(8)
  const plan = await planOf(similarStatement(account, sketch, 200))
  for (const index of EVERY_BAND) expect(plan).toContain(index)
  expect(plan).not.toMatch(/Seq Scan|Bitmap/)
})

test('a page of likely duplicates is read by indexes alone', async () => {
  const [contents, pairs] = pageStatements(account, { threshold: 0.95, limit: 100 })
  for (const statement of [contents, pairs]) {
    const plan = await planOf(statement)
    expect(plan).toContain('file_hashes_content')
    expect(plan).not.toMatch(/Seq Scan|Bitmap/)
  }
  const plan = await planOf(pairs)
  for (const index of EVERY_BAND) expect(plan).toContain(index)
})

test('of a thousand contents that share a band, no more are looked at than was asked for', async () => {
  const subject = sql`SELECT 16384 AS w_average, 1000::bigint AS w_distinct, ${crowded}`
  const bounds = { limit: 5, perBand: 50, share: 0, enough: 8 }
  const plan = await planOf(likeStatement(account, subject, bounds), '(ANALYZE, TIMING OFF)')
  expect(plan).not.toContain('Seq Scan')
  const [, rows] = /blob_sketches_band1 .*actual rows=(\d+)/.exec(plan) ?? []
  expect(rows).toBe('50')
})
