import { inOneTrip } from '../db/client.ts'
import { pruneReferencesStatement } from '../duplicates/prune.ts'
import { type SQL, sql } from '../vendor/orm.js'

const METRICS_DAYS = 7
const PERFORMANCE_DAYS = 400
const TODAY = sql`(now() AT TIME ZONE 'UTC')::date`

/** What a run wrote and removed: rows of `edge_performance_daily`, and of both tables. */
export type RolledUp = { days: number; pruned: number }

/**
 * Sums the days (UTC) of every edge up, from the day before the last that was summed to today, at most the 7 that
 * `edge_metrics` still holds in full; then prunes what no statistics ask for any more. A day is summed again until the one after it is over, so running it
 * twice, or late, changes nothing. A session counts for the day of its last report. SQL 1.
 */
export async function rollUpDays(): Promise<RolledUp> {
  const [days = [], metrics = [], performance = []] = await inOneTrip([
    sumDays(),
    ...prune(),
    pruneReferencesStatement(),
  ])
  return { days: days.length, pruned: metrics.length + performance.length }
}

/**
 * Uptime is the share of probes that found the edge up, throughput that of one connection (bytes by the time parts took).
 * Sessions hold what clients reported: the bounds keep one absurd report from failing everybody's sums. Rows are
 * written in one order, so that two runs cannot wait for each other.
 */
function sumDays(): SQL {
  return sql`
    WITH since AS (
      SELECT greatest(max(date) - 1, ${TODAY} - ${METRICS_DAYS - 1}::int) AS date FROM edge_performance_daily
    ), probes AS (
      SELECT edge_id, (timestamp AT TIME ZONE 'UTC')::date AS date, round(avg(latency_ms)) AS latency_ms,
        round(avg(load_percent)) AS load_percent, round(100 * avg(is_up::int), 2) AS uptime_percent
      FROM edge_metrics
      WHERE timestamp >= (SELECT date::timestamp AT TIME ZONE 'UTC' FROM since)
      GROUP BY 1, 2
    ), transfers AS (
      SELECT path.key AS edge_id, (s.updated_at AT TIME ZONE 'UTC')::date AS date,
        count(*) FILTER (WHERE (path.value ->> 'parts')::numeric > 0) AS uploads,
        sum((path.value ->> 'bytes')::numeric) AS bytes, sum((path.value ->> 'busyMs')::numeric) AS busy_ms,
        sum((path.value ->> 'failures')::numeric) AS failures
      FROM upload_sessions s CROSS JOIN jsonb_each(s.paths) path
      WHERE s.updated_at >= (SELECT date::timestamp AT TIME ZONE 'UTC' FROM since)
      GROUP BY 1, 2
    )
    INSERT INTO edge_performance_daily AS d (edge_id, date, avg_latency_ms, avg_load_percent, uptime_percent, total_uploads,
      total_bytes_transferred, avg_upload_speed_mbps, error_count)
    SELECT edge_id, date, latency_ms, load_percent, uptime_percent, coalesce(uploads, 0),
      least(coalesce(bytes, 0), 9007199254740991), CASE WHEN busy_ms > 0 THEN least(bytes * 8 / 1000 / busy_ms, 99999999) END,
      least(coalesce(failures, 0), 2147483647)
    FROM probes LEFT JOIN transfers USING (edge_id, date)
    ORDER BY edge_id, date
    ON CONFLICT (edge_id, date) DO UPDATE SET
      avg_latency_ms = excluded.avg_latency_ms, avg_load_percent = excluded.avg_load_percent,
      uptime_percent = excluded.uptime_percent, total_uploads = excluded.total_uploads,
      total_bytes_transferred = excluded.total_bytes_transferred,
      avg_upload_speed_mbps = excluded.avg_upload_speed_mbps, error_count = excluded.error_count
    RETURNING 1`
}

function prune(): SQL[] {
  return [
    sql`DELETE FROM edge_metrics WHERE timestamp < now() - make_interval(days => ${METRICS_DAYS}) RETURNING 1`,
    sql`DELETE FROM edge_performance_daily WHERE date < ${TODAY} - ${PERFORMANCE_DAYS}::int RETURNING 1`,
  ]
}
