import { randomUUID } from 'node:crypto'
import type { Account } from '../accounts/authenticate.ts'
import { env } from '../env.ts'
import type { Allowance } from '../quota/allowance.ts'
import type { Edge } from './catalogue.ts'
import { distanceKm, type Position } from './distance.ts'
import { GRANT_SECONDS_MAX, grantBytes, signGrant } from './grant.ts'

const EDGES_MAX = 5

/** The paths of a transfer beside `direct`, nearest first, and what lets the account use them. */
export type Offer = {
  edges: { id: string; url: string; city: string; country: string; distanceKm: number | null }[]
  grant: { token: string; expiresAt: string; bytes: number } | null
  connections: number
}

/**
 * Offers up to five relays for `missingBytes`, nearest first where the client's position is known, and one grant for
 * all of them. A tier without edges gets none: its paths are direct.
 */
export function offerEdges(
  account: Account,
  missingBytes: number,
  known: { allowance: Allowance; edges: Edge[]; position: Position | null },
): Offer {
  const { allowance, position } = known
  const connections = allowance.connectionsMax
  if (!allowance.edgesEnabled || known.edges.length === 0)
    return { edges: [], grant: null, connections }

  const edges = known.edges
    .map((edge) => describe(edge, position))
    .sort(byDistance)
    .slice(0, EDGES_MAX)
  return { edges, grant: grantFor(account, edges, missingBytes), connections }
}

/** Where the platform believes the client to be (its geo headers), or null. */
export function locate(request: Request): Position | null {
  const lat = Number.parseFloat(request.headers.get('x-vercel-ip-latitude') ?? '')
  const lng = Number.parseFloat(request.headers.get('x-vercel-ip-longitude') ?? '')
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? { lat, lng } : null
}

function describe(edge: Edge, position: Position | null) {
  const { id, url, city, country } = edge
  return { id, url, city, country, distanceKm: position && Math.round(distanceKm(position, edge)) }
}

function byDistance(a: Offer['edges'][number], b: Offer['edges'][number]): number {
  return (a.distanceKm ?? 0) - (b.distanceKm ?? 0) || (a.id < b.id ? -1 : 1)
}

function grantFor(account: Account, edges: Offer['edges'], missingBytes: number): Offer['grant'] {
  const bytes = grantBytes(missingBytes)
  const exp = Math.floor(Date.now() / 1000) + GRANT_SECONDS_MAX
  const token = signGrant(env.EDGE_GRANT_PRIVATE_KEY, {
    v: 1,
    id: randomUUID(),
    account: account.id,
    prefix: `users/${account.userId}/`,
    relays: edges.map(({ id }) => id),
    bytes,
    exp,
  })
  return { token, expiresAt: new Date(exp * 1000).toISOString(), bytes }
}
