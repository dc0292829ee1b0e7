import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { bandsOf } from '../../lib/content/bands.ts'
import type { Sketch } from '../../lib/content/sketch.ts'

const ROWS_AT_ONCE = 1000
/** A made-up file's; nothing looks at its bytes. */
const FILE_BYTES = 37_000_000

export async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

/** A new account that stores a file for each sketch, at the path of its number; answers the account's id. */
export async function anAccountOf(client: pg.Client, sketches: Sketch[]): Promise<string> {
  const account = randomUUID()
  await client.query(
    `INSERT INTO agentcache_accounts (id, agentcache_user_id, agentcache_email, agentcache_tier) VALUES ($1::uuid, $1::uuid::text, 'e', 'pro')`,
    [account],
  )
  for (let at = 0; at < sketches.length; at += ROWS_AT_ONCE) {
    await insert(client, { account, first: at, sketches: sketches.slice(at, at + ROWS_AT_ONCE) })
  }
  return account
}

/** How large the table of sketches and its indexes became, in bytes for each row. */
export async function indexSizes(client: pg.Client): Promise<{ what: string; figure: number }[]> {
  const { rows } = await client.query(`
    SELECT pg_relation_size('blob_sketches') / count(*) AS rows,
      (SELECT sum(pg_relation_size(indexrelid)) FROM pg_stat_user_indexes WHERE indexrelname LIKE 'blob_sketches_band%') / count(*) AS bands,
      pg_relation_size('blob_sketches_pkey') / count(*) AS key FROM blob_sketches`)
  const { rows: row, bands, key } = rows[0]
  return [
    { what: 'bytes a file: its row, bins among them', figure: Math.round(row) },
    { what: 'bytes a file: eight indexes of bands', figure: Math.round(bands) },
    { what: 'bytes a file: index of the primary key', figure: Math.round(key) },
  ]
}

type Batch = { account: string; first: number; sketches: Sketch[] }

async function insert(client: pg.Client, { account, first, sketches }: Batch): Promise<void> {
  const rows = sketches.map((sketch, index) => ({
    id: randomUUID(),
    n: first + index,
    average: sketch.averageBytes,
    distinct: sketch.distinctBytes,
    bins: Buffer.from(sketch.bins).toString('hex'),
    bands: bandsOf(sketch),
  }))
  const bands = Array.from({ length: 8 }, (_, at) => `(r.bands->>${at})::int`).join(', ')
  await client.query(
    `
    WITH r AS (
      SELECT * FROM jsonb_to_recordset($2::jsonb) AS r(id uuid, n int, average int, "distinct" bigint, bins text, bands jsonb)
    ), blobs AS (
      INSERT INTO file_hashes (id, account_id, file_hash, file_size, storage_key, etag, verified)
      SELECT r.id, $1::uuid, 'sha256:' || encode(sha256(convert_to($1::uuid::text || r.n, 'UTF8')), 'hex') || '-8', ${FILE_BYTES}, 'made-up/' || r.id, 'e', true FROM r
    ), files AS (
      INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via)
      SELECT $1::uuid, r.id, r.n::text, ${FILE_BYTES}, 'x/y', 'api' FROM r
    )
    INSERT INTO blob_sketches SELECT r.id, $1::uuid, r.average, r."distinct", decode(r.bins, 'hex'), ${bands} FROM r`,
    [account, JSON.stringify(rows)],
  )
}
