import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'

/** A relay that is offered: where it stands and where it answers. */
export type Edge = {
  id: string
  url: string
  /** More addresses of the same relay, where it has any. */
  alternateUrls?: string[]
  city: string
  country: string
  lat: number
  lng: number
  /** When a probe last succeeded, in ms since 1970. */
  seenAt: number | null
}

/** Reads the relays that may be offered, in whatever round trip is under way. */
export function activeEdges(): SQL {
  return sql`
    SELECT id, url, alternate_urls, city, country, lat, lng, seen_at FROM edge_locations
    WHERE is_active AND is_up AND NOT is_draining ORDER BY id`
}

/** The answer to `activeEdges`. */
export function edgesOf(rows: Row[]): Edge[] {
  return rows.map((row) => ({
    id: column.text(row, 'id'),
    url: column.text(row, 'url'),
    alternateUrls: alternatesOf(row),
    city: column.text(row, 'city'),
    country: column.text(row, 'country'),
    lat: column.number(row, 'lat'),
    lng: column.number(row, 'lng'),
    seenAt: millisecondsOf(column.timeOrNull(row, 'seen_at')),
  }))
}

function alternatesOf(row: Row): string[] | undefined {
  const urls = column.texts(row, 'alternate_urls')
  return urls.length > 0 ? urls : undefined
}

function millisecondsOf(time: string | null): number | null {
  return time === null ? null : Date.parse(time)
}
