import { mapConcurrently } from '../concurrency.ts'
import { inOneTrip, query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { askHealth } from './relay-health.ts'
import { readShared } from './standing.ts'
import { figuresOf, type Known } from './status.ts'

const PROBES_AT_ONCE = 32

/** How many relays were asked, are up, and are not as they were before. */
export type Probed = { probed: number; up: number; changed: number }

/**
 * Asks every registered relay how it is, and keeps it: one that does not answer, or not as itself and well, is offered to
 * nobody until it does. Writes a row of `edge_metrics` for each: up or not, and what relays and clients say. How long the
 * answer took is not kept, because it was measured from the wrong place. Safe twice at once, and beside a registration:
 * what was asked later counts. HTTP 1 for each relay, SQL 2, Redis 1.
 */
export async function probeEdges(): Promise<Probed> {
  const rows = await query(sql`
    SELECT id, url, is_up, now()::text AS asked_at FROM edge_locations WHERE is_active ORDER BY id`)
  if (rows.length === 0) return { probed: 0, up: 0, changed: 0 }

  const [known, probes] = await Promise.all([
    readShared(),
    mapConcurrently(rows, PROBES_AT_ONCE, askRow),
  ])
  const [changed = []] = await inOneTrip([keepStates(probes), keepMetrics(probes, known)])
  const wereUp = new Map(probes.map(({ id, wasUp }) => [id, wasUp]))
  return {
    probed: probes.length,
    up: probes.filter(({ isUp }) => isUp).length,
    changed: changed.filter((row) => wereUp.get(column.text(row, 'id')) !== row.is_up).length,
  }
}

type Probe = {
  id: string
  askedAt: string
  wasUp: boolean
  isUp: boolean
  version: string | null
}

async function askRow(row: Row): Promise<Probe> {
  const id = column.text(row, 'id')
  const health = await askHealth(column.text(row, 'url'), id)
  return {
    id,
    askedAt: column.text(row, 'asked_at'),
    wasUp: column.boolean(row, 'is_up'),
    isUp: health.isUp,
    version: health.isUp ? health.version : null,
  }
}

function keepStates(probes: Probe[]): SQL {
  return sql`
    UPDATE edge_locations e
    SET is_up = p."isUp", version = coalesce(p.version, e.version), checked_at = p."askedAt",
      seen_at = CASE WHEN p."isUp" THEN p."askedAt" ELSE e.seen_at END
    FROM jsonb_to_recordset(${JSON.stringify(probes)}::jsonb)
      AS p(id text, "askedAt" timestamptz, "isUp" boolean, version text)
    WHERE e.id = p.id AND e.is_active
      AND (e.checked_at IS NULL OR e.checked_at <= p."askedAt")
    RETURNING e.id, e.is_up`
}

function keepMetrics(probes: Probe[], known: Known): SQL {
  const metrics = probes.map((probe) => ({ ...probe, ...figuresOf(probe.id, known) }))
  return sql`
    INSERT INTO edge_metrics (edge_id, timestamp, is_up, latency_ms, load_percent, bandwidth_mbps, active_uploads, error_rate)
    SELECT id, "askedAt", "isUp", round("latencyMs"), round("loadPercent"), round("throughputMbps"), "activeUploads",
      100 * "errorRate"
    FROM jsonb_to_recordset(${JSON.stringify(metrics)}::jsonb)
      AS m(id text, "askedAt" timestamptz, "isUp" boolean, "latencyMs" numeric, "loadPercent" numeric,
           "throughputMbps" numeric, "activeUploads" int, "errorRate" numeric)
    ON CONFLICT DO NOTHING`
}
