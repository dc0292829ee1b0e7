import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { freshLoadPercent } from '../edges/estimate.ts'
import type { Standing } from '../edges/measurement.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { rounded } from './figures.ts'
import { reportedNow } from './period.ts'

/** Slower answers than this, on average, in ms: the connection is `degraded`. */
const LATENCY_MS_GOOD = 100

export type Connection = {
  status: 'connected' | 'degraded' | 'offline'
  active_edges: ActiveEdge[]
  average_latency_ms: number | null
}

/** A path at work: a relay, or `direct`, which is in no city. What nobody measured or said is null. */
type ActiveEdge = {
  id: string
  city: string | null
  latency_ms: number | null
  utilization_percent: number | null
}

/** Reads the paths of sessions that reported just now; a row of no path says that one did on none. */
export function connectionStatement(accountId: string): SQL {
  return sql`
    SELECT DISTINCT used.id, e.city
    FROM upload_sessions s
    LEFT JOIN jsonb_array_elements_text(s.edges_used) AS used(id) ON s.status = 'in_progress'
    LEFT JOIN edge_locations e ON e.id = used.id
    WHERE ${reportedNow(accountId)}
    ORDER BY used.id`
}

/** The answer to `connectionStatement`, with what is known of the paths: the account's own round trips, the relays' fresh word. */
export function connectionOf(rows: Row[], standing: Standing, now = Date.now()): Connection {
  const edges = rows.flatMap((row): ActiveEdge[] => {
    const id = column.textOrNull(row, 'id')
    if (id === null) return []
    const latency = standing.own.get(id)?.latencyMs ?? null
    return [
      {
        id,
        city: column.textOrNull(row, 'city'),
        latency_ms: latency === null ? null : rounded(latency, 1),
        utilization_percent: freshLoadPercent(id, { standing, now }),
      },
    ]
  })
  const average = averageOf(edges.flatMap(({ latency_ms }) => latency_ms ?? []))
  return { status: statusOf(rows, average), active_edges: edges, average_latency_ms: average }
}

function averageOf(latencies: number[]): number | null {
  if (latencies.length === 0) return null
  return rounded(latencies.reduce((sum, one) => sum + one, 0) / latencies.length, 1)
}

function statusOf(rows: Row[], averageMs: number | null): Connection['status'] {
  if (rows.length === 0) return 'offline'
  return (averageMs ?? 0) > LATENCY_MS_GOOD ? 'degraded' : 'connected'
}
