import { inOneTrip, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { askHealth } from './relay-health.ts'
import { readShared } from './standing.ts'
import { EDGE_COLUMNS, type EdgeStatus, forgetEdges, type Known, statusOf } from './status.ts'

/** Registrations one after the other: no two edges get one address. Any number does that nobody else locks. */
const REGISTRATION = 0x6a657474

/** A relay to be known. The place may be left out for an edge of the catalogue. `publicKey`: raw Ed25519 in base64. */
export type Registration = {
  id: string
  url: string
  /** Up to two more addresses of the same relay. */
  alternateUrls?: string[]
  publicKey: string
  city?: string
  country?: string
  lat?: number
  lng?: number
  provider?: string
}

/** An edge as the administrator sees it. */
export type RegisteredEdge = EdgeStatus & {
  url: string | null
  alternateUrls: string[]
  publicKey: string | null
}

/**
 * Registers the relay of an edge, or another one in its place; it is offered from now on. HTTP 1 for each address, then
 * SQL 1 and Redis 1.
 *
 * @throws Problem `edge-unreachable` where an address does not answer as this edge, `edge-conflict` where another edge has one,
 *   `invalid-request` for an edge outside the catalogue without its place
 */
export async function registerEdge(registration: Registration): Promise<RegisteredEdge> {
  const { id, url, alternateUrls = [] } = registration
  const addresses = [url, ...alternateUrls]
  const [version = ''] = await Promise.all(addresses.map((address) => versionAt(address, id)))

  const [[, [edge] = [], [facts = {}] = []], known] = await change([
    sql`SELECT pg_advisory_xact_lock(${REGISTRATION})`,
    upsert(registration, version),
    sql`SELECT ${takenBy(addresses, id)} AS taken_by`,
  ])
  if (edge) return adminView(edge, known)

  const takenById = column.textOrNull(facts, 'taken_by')
  if (takenById !== null)
    throw new Problem(
      'edge-conflict',
      `The relay of ${takenById} answers at ${addresses.join(' or ')}.`,
    )
  throw incomplete(registration)
}

/**
 * Takes a relay out of new offers, or back in. SQL 1, Redis 1.
 *
 * @throws Problem `not-found`, `edge-conflict` where no relay is registered
 */
export async function drainEdge(id: string, isDraining: boolean): Promise<RegisteredEdge> {
  const [[[edge] = [], [exists] = []], known] = await change([
    sql`UPDATE edge_locations SET is_draining = ${isDraining}, updated_at = now()
      WHERE id = ${id} AND is_active RETURNING ${EDGE_COLUMNS}`,
    sql`SELECT 1 FROM edge_locations WHERE id = ${id}`,
  ])
  if (edge) return adminView(edge, known)
  if (exists) throw new Problem('edge-conflict', `No relay is registered at ${id}.`)
  throw unknownEdge(id)
}

/**
 * Retires the relay of an edge: nobody is offered it, its heartbeats end, its address is free. SQL 1, Redis 1.
 *
 * @throws Problem `not-found`
 */
export async function retireEdge(id: string): Promise<RegisteredEdge> {
  const [[[edge] = []], known] = await change([
    sql`UPDATE edge_locations SET url = NULL, alternate_urls = '[]', public_key = NULL, version = NULL, is_active = false, is_up = false,
        is_draining = false, updated_at = now()
      WHERE id = ${id} RETURNING ${EDGE_COLUMNS}`,
  ])
  if (edge) return adminView(edge, known)
  throw unknownEdge(id)
}

async function change(statements: [SQL, ...SQL[]]): Promise<[Row[][], Known]> {
  const done = await Promise.all([inOneTrip(statements), readShared()])
  forgetEdges()
  return done
}

async function versionAt(url: string, id: string): Promise<string> {
  const health = await askHealth(url, id)
  if (health.isUp) return health.version
  throw new Problem('edge-unreachable', `${url}/health ${health.reason}.`)
}

/** No row where another edge has the address, or the place of a new one is not given. */
function upsert(registration: Registration, version: string): SQL {
  const { id, url, publicKey, city = null, country = null, lat = null, lng = null } = registration
  const { provider = null, alternateUrls = [] } = registration
  return sql`
    INSERT INTO edge_locations AS e (id, url, alternate_urls, public_key, city, country, lat, lng, provider, version,
                                     is_active, is_up, checked_at, seen_at)
    SELECT wanted.id, ${url}, ${JSON.stringify(alternateUrls)}::jsonb, ${publicKey}, coalesce(${city}, known.city), coalesce(${country}, known.country),
      coalesce(${lat}::float8, known.lat), coalesce(${lng}::float8, known.lng),
      coalesce(${provider}, known.provider, 'own'), ${version}, true, true, now(), now()
    FROM (SELECT ${id} AS id) wanted LEFT JOIN edge_locations known USING (id)
    WHERE ${takenBy([url, ...alternateUrls], id)} IS NULL
      AND (known.id IS NOT NULL OR num_nulls(${city}::text, ${country}::text, ${lat}::float8, ${lng}::float8) = 0)
    ON CONFLICT (id) DO UPDATE SET
      url = excluded.url, alternate_urls = excluded.alternate_urls, public_key = excluded.public_key, city = excluded.city, country = excluded.country,
      lat = excluded.lat, lng = excluded.lng, provider = excluded.provider, version = excluded.version,
      is_active = true, is_up = true, checked_at = now(), seen_at = now(), updated_at = now()
    RETURNING ${EDGE_COLUMNS}`
}

function takenBy(addresses: string[], id: string): SQL {
  return sql`(SELECT min(other.id) FROM edge_locations other
    WHERE other.is_active AND other.id <> ${id} AND (jsonb_build_array(other.url) || other.alternate_urls)
      ?| ARRAY(SELECT jsonb_array_elements_text(${JSON.stringify(addresses)}::jsonb)))`
}

function incomplete({ id, city, country, lat, lng }: Registration): Problem {
  const errors = Object.entries({ city, country, lat, lng })
    .filter(([, value]) => value === undefined)
    .map(([name]) => ({ pointer: `/${name}`, detail: 'needed for an edge outside the catalogue' }))
  return new Problem('invalid-request', `${id} is not in the catalogue: say where it is.`, {
    errors,
  })
}

function unknownEdge(id: string): Problem {
  return new Problem('not-found', `There is no edge ${id}.`)
}

function adminView(row: Row, known: Known): RegisteredEdge {
  const url = column.textOrNull(row, 'url')
  const alternateUrls = column.texts(row, 'alternate_urls')
  const publicKey = column.textOrNull(row, 'public_key')
  return { ...statusOf(row, known), url, alternateUrls, publicKey }
}
