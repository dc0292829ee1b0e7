import { BANDS, bandsOf } from '../content/bands.ts'
import type { Sketch } from '../content/sketch.ts'
import { type SQL, sql } from '../vendor/orm.js'

/** So many paths of one content are told. */
const PATHS_MAX = 100

/**
 * Which candidates to look for. `perBand` of those that share a band are looked at, in no order that means anything. Of
 * those that could share so much (`share`) of the larger one's bytes, `limit` are taken, those that share most bands first,
 * where more than `enough` count as so many.
 */
export type Bounds = { limit: number; perBand: number; share: number; enough: number }

/**
 * The live blobs of an account that may be like a sketch, for `rankSimilar`: in whatever round trip is under way. Looks at
 * no more than `limit` entries of each band's index, whatever the account stores.
 */
export function similarStatement(accountId: string, sketch: Sketch, limit: number): SQL {
  const bounds = { limit, perBand: limit, share: 0, enough: BANDS }
  return likeStatement(accountId, subjectOf(sketch), bounds)
}

/** The same for each row of a subject (`subjectOf`, or rows of `blob_sketches`), whose columns come with each candidate. */
export function likeStatement(accountId: string, subject: SQL, bounds: Bounds): SQL {
  return sql`
    SELECT w.*, c.* FROM (${subject}) w CROSS JOIN LATERAL (${candidatesOf(accountId, bounds)}) c`
}

/** A sketch as a row; an empty file's has no bands and is like nothing. */
export function subjectOf(sketch: Sketch): SQL {
  const { averageBytes, distinctBytes } = sketch
  const bands = bandsOf(sketch)
  const columns = numbered((n) => sql`${bands[n - 1] ?? null}::integer AS w_band${sql.raw(`${n}`)}`)
  return sql`SELECT ${averageBytes}::integer AS w_average, ${distinctBytes}::bigint AS w_distinct, ${sql.join(columns, sql`, `)}`
}

/** The columns of a subject, of rows `s` of `blob_sketches`. */
export const SUBJECT_COLUMNS: SQL = sql`s.average_bytes AS w_average, s.distinct_bytes AS w_distinct, ${sql.join(
  numbered((n) => sql.raw(`s.band${n} AS w_band${n}`)),
  sql`, `,
)}`

/** The live files of a blob `b` as `{ fileId: path }`; null where there is none. */
export const LIVE_FILES: SQL = sql`
  (SELECT jsonb_object_agg(f.id, f.path) FROM (
    SELECT f.id, f.path FROM agentcache_assets f WHERE f.blob_id = b.id AND f.trashed_at IS NULL LIMIT ${PATHS_MAX}) f)`

function candidatesOf(accountId: string, { limit, perBand, share, enough }: Bounds): SQL {
  const bands = numbered((n) => {
    const band = sql.raw(`band${n}`)
    return sql`(SELECT s.blob_id FROM blob_sketches s
      WHERE s.account_id = ${accountId} AND s.${band} = w.w_${band} LIMIT ${perBand})`
  })
  return sql`
    SELECT b.*, ${LIVE_FILES} AS files FROM (
      SELECT b.id, b.file_hash, b.file_size, b.storage_key, b.manifest_bytes, s.average_bytes, s.distinct_bytes, s.bins, m.shared
      FROM (SELECT blob_id, count(*) AS shared FROM (${sql.join(bands, sql` UNION ALL `)}) m GROUP BY blob_id) m
      JOIN blob_sketches s ON s.blob_id = m.blob_id AND s.average_bytes = w.w_average
        AND least(s.distinct_bytes, w.w_distinct) >= ${share}::float8 * greatest(s.distinct_bytes, w.w_distinct)
      JOIN file_hashes b ON b.id = m.blob_id AND b.state = 'live'
      WHERE EXISTS (SELECT FROM agentcache_assets f WHERE f.blob_id = b.id AND f.trashed_at IS NULL)
      ORDER BY least(m.shared, ${enough}) DESC, b.file_hash, b.file_size LIMIT ${limit}
    ) b`
}

function numbered<T>(make: (n: number) => T): T[] {
  return Array.from({ length: BANDS }, (_, at) => make(at + 1))
}
