import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { fileNameOf } from '../files/path.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { edgesUsedOf } from './edges-used.ts'
import { beginOf, type Period } from './period.ts'

const ACTIVITIES_MAX = 10

/**
 * Something an account did: an upload that was done (from its start to its completion), a clone (which took no time and
 * no edge), a download that was granted. Null is what nothing measures: who downloads, and how fast, does not say so.
 */
export type Activity = {
  timestamp: string
  type: 'upload' | 'clone' | 'download'
  file_name: string | null
  file_size: number
  duration_seconds: number | null
  cache_hit: boolean | null
  edges_used: string[] | null
}

/** Reads the last ten of a period, newest first, in whatever round trip is under way. */
export function activityStatement(accountId: string, period: Period): SQL {
  const latest = (time: SQL) =>
    sql`AND ${time} > ${beginOf(period)} ORDER BY ${time} DESC LIMIT ${ACTIVITIES_MAX}`
  return sql`
    SELECT 'upload' AS type, u.completed_at AS at, u.file_size, extract(epoch FROM u.completed_at - u.created_at)::float8 AS seconds,
      (SELECT t.path FROM upload_targets t WHERE t.upload_id = u.id ORDER BY t.created_at, t.path LIMIT 1) AS path,
      (SELECT jsonb_agg(DISTINCT used.id ORDER BY used.id) FROM upload_sessions s CROSS JOIN jsonb_array_elements_text(s.edges_used) AS used(id)
       WHERE s.upload_id = u.id) AS edges_used
    FROM (SELECT * FROM uploads WHERE account_id = ${accountId} AND state = 'done' ${latest(sql`completed_at`)}) u
    UNION ALL
    SELECT 'clone', c.created_at, c.saved_bytes, 0, c.path, NULL
    FROM (SELECT * FROM user_file_references WHERE account_id = ${accountId} ${latest(sql`created_at`)}) c
    UNION ALL
    SELECT 'download', d.created_at, d.bytes, NULL,
      (SELECT f.path FROM agentcache_assets f WHERE f.blob_id = d.blob_id ORDER BY f.trashed_at IS NOT NULL, f.updated_at DESC, f.id LIMIT 1), NULL
    FROM (SELECT * FROM downloads WHERE account_id = ${accountId} ${latest(sql`created_at`)}) d
    ORDER BY at DESC LIMIT ${ACTIVITIES_MAX}`
}

/** The answer to `activityStatement`. */
export function activitiesOf(rows: Row[]): Activity[] {
  return rows.map((row) => {
    const type = column.text(row, 'type')
    const path = column.textOrNull(row, 'path')
    const common = {
      timestamp: column.time(row, 'at'),
      file_name: path === null ? null : fileNameOf(path),
      file_size: column.number(row, 'file_size'),
    }
    if (type === 'download')
      return { ...common, type, duration_seconds: null, cache_hit: null, edges_used: null }
    if (type === 'clone')
      return { ...common, type, duration_seconds: 0, cache_hit: true, edges_used: [] }
    return {
      ...common,
      type: 'upload',
      duration_seconds: column.number(row, 'seconds'),
      cache_hit: false,
      edges_used: edgesUsedOf(row),
    }
  })
}
