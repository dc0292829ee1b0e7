import { query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'
import type { Heartbeat } from './measurement.ts'
import { readShared, type SharedStanding } from './standing.ts'

const CACHE_MS = 10_000
/** Relays send one a minute; what is older does not say how it is now. */
const HEARTBEAT_MS_MAX = 3 * 60_000

/** Everything that is said of an edge. */
export const EDGE_COLUMNS: SQL = sql`
  id, url, alternate_urls, city, country, lat, lng, public_key, is_active, is_draining, is_up, version, checked_at, seen_at`

export type EdgeState = 'planned' | 'up' | 'down' | 'draining'

/**
 * An edge as anybody may see it. Round trip, throughput of one connection in Mbit/s and error rate (0 to 1) are what at least
 * three accounts measured; load in percent is the relay's own word, of the last 3 minutes. Null where nobody knows.
 */
export type EdgeStatus = Omit<Figures, 'activeUploads'> & {
  id: string
  city: string
  country: string
  lat: number
  lng: number
  state: EdgeState
  version: string | null
  lastSeenAt: string | null
  checkedAt: string | null
}

type Figures = Record<
  'latencyMs' | 'throughputMbps' | 'errorRate' | 'loadPercent' | 'activeUploads',
  number | null
>

/** What Redis knows of edges, of everybody's. */
export type Known = SharedStanding

const NOTHING_KNOWN: Known = { shared: new Map(), heartbeats: new Map() }

let latest: { at: number; edges: Promise<EdgeStatus[]> } | undefined

/** The whole catalogue, read at most every 10 s by one process. SQL 1 and Redis 1, at once. */
export function readEdges(now = Date.now()): Promise<EdgeStatus[]> {
  if (latest && now - latest.at < CACHE_MS) return latest.edges
  const edges = readCatalogue()
  latest = { at: now, edges }
  edges.catch(forgetEdges)
  return edges
}

/** The next `readEdges` of this process reads anew. */
export function forgetEdges(): void {
  latest = undefined
}

/** A row of `EDGE_COLUMNS` and what Redis knows, as anybody may see it. */
export function statusOf(row: Row, known: Known): EdgeStatus {
  const id = column.text(row, 'id')
  const state = stateOf(row)
  const isThere = state !== 'planned'
  const { activeUploads: _, ...figures } = figuresOf(id, isThere ? known : NOTHING_KNOWN)
  return {
    id,
    city: column.text(row, 'city'),
    country: column.text(row, 'country'),
    lat: column.number(row, 'lat'),
    lng: column.number(row, 'lng'),
    state,
    ...figures,
    version: isThere ? column.textOrNull(row, 'version') : null,
    lastSeenAt: lastSeenAt(row, isThere ? known.heartbeats.get(id) : undefined),
    checkedAt: column.timeOrNull(row, 'checked_at'),
  }
}

/** What is known of an edge now: `activeUploads` are the requests under way. */
export function figuresOf(id: string, { shared, heartbeats }: Known): Figures {
  const measured = shared.get(id)
  const heartbeat = heartbeats.get(id)
  const fresh = heartbeat && Date.now() - heartbeat.at <= HEARTBEAT_MS_MAX ? heartbeat : undefined
  return {
    latencyMs: rounded(measured?.latencyMs, 1),
    throughputMbps: rounded(measured?.throughputMbps, 1),
    errorRate: rounded(measured?.errorRate, 4),
    loadPercent: rounded(fresh?.loadPercent, 1),
    activeUploads: fresh?.activeUploads ?? null,
  }
}

async function readCatalogue(): Promise<EdgeStatus[]> {
  const [rows, known] = await Promise.all([
    query(sql`SELECT ${EDGE_COLUMNS} FROM edge_locations ORDER BY id`),
    readShared(),
  ])
  return rows.map((row) => statusOf(row, known))
}

function stateOf(row: Row): EdgeState {
  if (!column.boolean(row, 'is_active')) return 'planned'
  if (!column.boolean(row, 'is_up')) return 'down'
  return column.boolean(row, 'is_draining') ? 'draining' : 'up'
}

/** A successful probe or a heartbeat, whichever was later. A relay's clock may be ahead; nobody was seen tomorrow. */
function lastSeenAt(row: Row, heartbeat: Heartbeat | undefined): string | null {
  const probed = column.timeOrNull(row, 'seen_at')
  if (heartbeat === undefined) return probed
  const heard = new Date(Math.min(heartbeat.at, Date.now())).toISOString()
  return probed !== null && probed > heard ? probed : heard
}

function rounded(value: number | null | undefined, digits: number): number | null {
  if (value === null || value === undefined) return null
  return Math.round(value * 10 ** digits) / 10 ** digits
}
