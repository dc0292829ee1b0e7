import { randomUUID } from 'node:crypto'
import { PgDialect } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../../drizzle/migrate.ts'
import { seed } from '../../../drizzle/seed.ts'
import { duplicatesStatement } from '../../../lib/duplicates/find.ts'
import { pruneReferencesStatement } from '../../../lib/duplicates/prune.ts'
import { activityStatement } from '../../../lib/stats/activity.ts'
import { connectionStatement } from '../../../lib/stats/connection.ts'
import { pathsStatement } from '../../../lib/stats/paths.ts'
import { totalsStatement } from '../../../lib/stats/totals.ts'
import { transfersStatement } from '../../../lib/stats/transfers.ts'
import { decideClonesStatement } from '../../../lib/uploads/decide-statement.ts'
import type { SQL } from '../../../lib/vendor/orm.js'
import { aDatabase } from '../../local/database.ts'

const ROWS = 100_000
const ACCOUNTS = 10
const DAYS = 120
const LARGE =
  /Seq Scan on (file_hashes|agentcache_assets|uploads|upload_targets|upload_sessions|downloads|user_file_references)\b/

const dialect = new PgDialect()
const { url, client } = await aDatabase()
const accounts = Array.from({ length: ACCOUNTS }, () => randomUUID())
const [account = ''] = accounts

/** Ten accounts with 10,000 rows in every table, over 120 days. */
beforeAll(async () => {
  await migrate(url)
  await seed(client)
  // Foreign keys are not checked for so many rows that fit.
  await client.query(`SET session_replication_role = 'replica'`)
  for (const id of accounts) {
    await client.query(
      `INSERT INTO agentcache_accounts (id, agentcache_user_id, agentcache_email, agentcache_tier) VALUES ($1, $2, 'e', 'pro')`,
      [id, id],
    )
  }
  const n = `generate_series(1, ${ROWS}) n`
  const owner = `($1::uuid[])[n % ${ACCOUNTS} + 1]`
  const time = `now() - n * interval '${DAYS} days' / ${ROWS}`
  const rows = (text: string) => client.query(text, [accounts])
  await rows(`
    INSERT INTO file_hashes (account_id, file_hash, file_size, storage_key, etag, verified)
    SELECT ${owner}, 'sha256:' || n, n, 'k/' || n, 'e', true FROM ${n}`)
  await client.query(`
    INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via)
    SELECT account_id, id, 'd/' || file_size, file_size, 'x/y', 'api' FROM file_hashes`)
  await rows(`
    INSERT INTO uploads (account_id, file_hash, file_size, part_count, checksum, storage_key, part_digests, uploaded_via,
      urls_expire_at, expires_at, state, completed_at, created_at)
    SELECT ${owner}, 'sha256:' || n, n, 1, 'sha256', 'u/' || n, '', 'api', now(), now(),
      CASE WHEN n % 50 < 10 THEN 'open' ELSE 'done' END, CASE WHEN n % 50 >= 10 THEN ${time} END, ${time} FROM ${n}`)
  await client.query(`
    INSERT INTO upload_targets (upload_id, path, content_type, if_new) SELECT id, 'd/' || file_size, 'x/y', false FROM uploads`)
  await client.query(`
    INSERT INTO upload_sessions (account_id, upload_id, upload_via, threads, edges_used, status, started_at, updated_at)
    SELECT account_id, id, 'api', 1, '["lon-1"]', CASE WHEN state = 'done' THEN 'completed' ELSE 'in_progress' END, created_at, created_at
    FROM uploads`)
  await client.query(`
    INSERT INTO downloads (account_id, blob_id, bytes, free_until, created_at)
    SELECT account_id, id, file_size, now(), now() - file_size * interval '${DAYS} days' / ${ROWS} FROM file_hashes`)
  await rows(`
    INSERT INTO user_file_references (account_id, file_hash, path, saved_bytes, created_at)
    SELECT ${owner}, 'sha256:' || n, 'd/' || n, n, ${time} FROM ${n}`)
  await client.query('ANALYZE')
}, 120_000)

afterAll(() => client.end())

async function planOf(statement: SQL): Promise<string> {
  const { sql: text, params } = dialect.sqlToQuery(statement)
  const { rows } = await client.query(`EXPLAIN ${text}`, params)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

const contents = Array.from({ length: 1000 }, (_, n) => ({
  fileHash: `sha256:${n * ACCOUNTS}`,
  fileSize: n % 2 === 0 ? n * ACCOUNTS : 1,
}))
const clones = contents.map((content, n) => ({ ...content, path: `c/${n}`, ifNew: false }))

test.each<[string, SQL]>([
  ['one content', duplicatesStatement(account, contents.slice(0, 1))],
  ['1,000 contents', duplicatesStatement(account, contents)],
  ['1,000 clones', decideClonesStatement(account, clones, 'api')],
  ['old clones', pruneReferencesStatement()],
  ['the sums of an hour', totalsStatement(account, '1h')],
  ['the sums of 30 days', totalsStatement(account, '30d')],
  ['the paths of an hour', pathsStatement(account, '1h')],
  ['the paths of 30 days', pathsStatement(account, '30d')],
  ['who is connected', connectionStatement(account)],
  ['active transfers', transfersStatement(account)],
  ['the last activities of an hour', activityStatement(account, '1h')],
  ['the last activities of 30 days', activityStatement(account, '30d')],
])('among 100,000 rows %s: found by indexes, without reading a table', async (_what, statement) => {
  const plan = await planOf(statement)
  expect(plan).not.toMatch(LARGE)
  expect(plan).toContain('Index')
})
