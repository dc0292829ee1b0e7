import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { fileNameOf } from '../files/path.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { edgesUsedOf } from './edges-used.ts'
import { megabitsPerSecond, percentOf } from './figures.ts'
import { begunBy, silentSince } from './period.ts'

const TRANSFERS_MAX = 10

/** A session at work on an open upload; `speed_mbps` is 0 where it has been silent for 2 minutes. */
export type Transfer = {
  session_id: string
  upload_id: string
  file_name: string
  file_size: number
  progress_percent: number
  speed_mbps: number
  edges_used: string[]
  started_at: string
}

/** Reads the newest sessions in progress, in whatever round trip is under way. */
export function transfersStatement(accountId: string): SQL {
  return sql`
    SELECT s.id, s.upload_id, u.file_size, s.bytes_uploaded, s.edges_used, s.started_at,
      CASE WHEN s.updated_at > ${silentSince()} THEN s.speed_bytes ELSE 0 END AS speed_bytes,
      (SELECT t.path FROM upload_targets t WHERE t.upload_id = u.id ORDER BY t.created_at, t.path LIMIT 1) AS path
    FROM upload_sessions s JOIN uploads u ON u.id = s.upload_id
    WHERE ${begunBy(accountId)} AND s.status = 'in_progress' AND u.state IN ('open', 'completing')
    ORDER BY s.started_at DESC, s.id LIMIT ${TRANSFERS_MAX}`
}

/** The answer to `transfersStatement`. */
export function transfersOf(rows: Row[]): Transfer[] {
  return rows.map((row) => {
    const fileSize = column.number(row, 'file_size')
    return {
      session_id: column.text(row, 'id'),
      upload_id: column.text(row, 'upload_id'),
      file_name: fileNameOf(column.text(row, 'path')),
      file_size: fileSize,
      progress_percent: percentOf(column.number(row, 'bytes_uploaded'), fileSize) ?? 0,
      speed_mbps: megabitsPerSecond(column.number(row, 'speed_bytes'), 1000) ?? 0,
      edges_used: edgesUsedOf(row),
      started_at: column.time(row, 'started_at'),
    }
  })
}
