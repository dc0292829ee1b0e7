import { beforeAll, expect, test } from 'vitest'
import { throughProxies } from '../../local/proxied.ts'
import { ownDatabase } from './own-database.ts'

const ROWS = 20_000
const client = await ownDatabase()
const { sql } = await throughProxies()
const { sweep } = await import('../../../lib/sweep/sweep.ts')

/** Many accounts with files, uploads and everything that is forgotten one day, none of it due. */
beforeAll(async () => {
  const some = `FROM generate_series(1, ${ROWS}) n JOIN agentcache_accounts ON agentcache_user_id = 'plans-' || n % 1000`
  for (const statement of [
    `INSERT INTO agentcache_accounts (agentcache_user_id, agentcache_email, agentcache_tier)
     SELECT 'plans-' || n, 'e', 'pro' FROM generate_series(0, ${ROWS}) n`,
    `INSERT INTO file_hashes (account_id, file_hash, file_size, storage_key, etag, verified)
     SELECT id, 'h' || n, n, 'plans/' || n, 'e', true ${some}`,
    `INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via, trashed_at)
     SELECT account_id, id, file_hash, file_size, 'x/y', 'api', CASE WHEN file_size % 3 = 0 THEN now() END FROM file_hashes`,
    `INSERT INTO uploads (account_id, file_hash, file_size, part_count, checksum, storage_key, part_digests, uploaded_via, urls_expire_at, expires_at, state, swept_at)
     SELECT id, 'h' || n, n, 2, 'sha256', 'plans/u/' || n, '', 'api', now(), now() + interval '1 day',
       CASE WHEN n % 10 = 0 THEN 'open' ELSE 'done' END, now() ${some}`,
    `INSERT INTO upload_targets (upload_id, path, content_type, if_new) SELECT id, 'a', 'x/y', false FROM uploads`,
    `INSERT INTO downloads (account_id, blob_id, bytes, free_until) SELECT account_id, id, 1, now() FROM file_hashes`,
    `INSERT INTO possession_proofs (account_id, nonce) SELECT id, decode(lpad(n::text, 8, '0'), 'hex') ${some}`,
    `INSERT INTO webhook_receipts (endpoint, webhook_id, body_digest) SELECT 'e', n::text, 'd' FROM generate_series(1, ${ROWS}) n`,
    `INSERT INTO jettythunder_credentials (side, subject, request_digest, sealed, expires_at)
     SELECT 'storage', n::text, 'd', 's', now() + interval '1 day' FROM generate_series(1, ${ROWS}) n`,
    `INSERT INTO event_outbox (account_id, type, data) SELECT id, 'webhook.test', '{}' ${some}`,
    'ANALYZE',
  ])
    await client.query(statement)
}, 60_000)

test('with nothing to do no statement of the sweep reads a table', async () => {
  await sweep()
  const asked = sql.passed.flatMap(({ body }) => {
    const { query, params, queries } = JSON.parse(body)
    return queries ?? [{ query, params }]
  })
  expect(asked.length).toBeGreaterThan(10)
  for (const { query, params } of asked) {
    const { rows } = await client.query(`EXPLAIN ${query}`, params)
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan, `${query}\n${plan}`).not.toContain('Seq Scan')
  }
})
