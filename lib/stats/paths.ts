import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { megabitsPerSecond } from './figures.ts'
import { type Period, reportedIn } from './period.ts'

/** What one path (a relay or `direct`) carried; `speed_mbps` is the goodput of one connection. */
export type PathStats = {
  id: string
  bytes: number
  parts: number
  failures: number
  speed_mbps: number | null
}

/** Adds up what the sessions of a period reported of their paths, in whatever round trip is under way. */
export function pathsStatement(accountId: string, period: Period): SQL {
  return sql`
    SELECT p.key AS id, sum((p.value ->> 'bytes')::numeric)::bigint AS bytes, sum((p.value ->> 'parts')::numeric)::bigint AS parts,
      sum((p.value ->> 'failures')::numeric)::bigint AS failures, sum((p.value ->> 'busyMs')::float8) AS busy_ms
    FROM upload_sessions s CROSS JOIN LATERAL jsonb_each(s.paths) p
    WHERE ${reportedIn(accountId, period)}
    GROUP BY p.key ORDER BY bytes DESC, id`
}

/** The answer to `pathsStatement`: what carried most stands first. */
export function pathsOf(rows: Row[]): PathStats[] {
  return rows.map((row) => {
    const bytes = column.number(row, 'bytes')
    return {
      id: column.text(row, 'id'),
      bytes,
      parts: column.number(row, 'parts'),
      failures: column.number(row, 'failures'),
      speed_mbps: megabitsPerSecond(bytes, column.number(row, 'busy_ms')),
    }
  })
}
