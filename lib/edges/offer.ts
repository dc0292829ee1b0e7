import { randomUUID } from 'node:crypto'
import type { Account } from '../accounts/authenticate.ts'
import { env } from '../env.ts'
import type { Allowance } from '../quota/allowance.ts'
import type { Edge } from './catalogue.ts'
import { directPath } from './direct.ts'
import type { Position } from './distance.ts'
import { GRANT_SECONDS_MAX, grantBytes, signGrant } from './grant.ts'
import { DIRECT, type Standing } from './measurement.ts'
import { type RankedPath, rankPaths } from './rank.ts'
import { roundedPath } from './rounded-path.ts'

type Standpoint = Pick<RankedPath, 'score' | 'weight' | 'source'>
type OfferedEdge = Pick<
  RankedPath,
  'id' | 'url' | 'alternateUrls' | 'city' | 'country' | 'distanceKm'
> &
  Standpoint

/** Leave to use relays: the token, and until when and for how many bytes it holds. */
export type SignedGrant = { token: string; expiresAt: string; bytes: number }

/** The paths of a transfer, best first, what is expected of `direct`, and what lets the account use the relays. */
export type Offer = {
  edges: OfferedEdge[]
  direct: Standpoint
  grant: SignedGrant | null
  connections: number
}

/**
 * Offers up to five relays for `missingBytes`, best first, and one grant for all of them. A tier without edges gets none:
 * its paths are direct.
 */
export function offerEdges(
  account: Account,
  missingBytes: number,
  known: { allowance: Allowance; edges: Edge[]; standing: Standing; position: Position | null },
): Offer {
  const { allowance, standing, position } = known
  const paths = rankPaths({
    edges: allowance.edgesEnabled ? known.edges : [],
    direct: directPath,
    standing,
    position,
    priority: 'balanced',
    measurements: new Map(),
    now: Date.now(),
  }).map(roundedPath)

  const edges = paths.filter(({ id }) => id !== DIRECT).map(offered)
  const relayIds = edges.map(({ id }) => id)
  return {
    edges,
    direct: standpointOf(paths.find(({ id }) => id === DIRECT) ?? unreachable()),
    grant: grantFor(account, relayIds, missingBytes),
    connections: allowance.connectionsMax,
  }
}

/** A grant to send `missingBytes` over these relays (at most 6), for an hour; null where there are none. */
export function grantFor(
  account: Account,
  relayIds: string[],
  missingBytes: number,
): SignedGrant | null {
  if (relayIds.length === 0) return null
  const bytes = grantBytes(missingBytes)
  const exp = Math.floor(Date.now() / 1000) + GRANT_SECONDS_MAX
  const token = signGrant(env.EDGE_GRANT_PRIVATE_KEY, {
    v: 1,
    id: randomUUID(),
    account: account.id,
    prefix: `users/${account.userId}/`,
    relays: relayIds,
    bytes,
    exp,
  })
  return { token, expiresAt: new Date(exp * 1000).toISOString(), bytes }
}

/** Where the platform believes the client to be (its geo headers), or null. */
export function locate(request: Request): Position | null {
  const lat = Number.parseFloat(request.headers.get('x-vercel-ip-latitude') ?? '')
  const lng = Number.parseFloat(request.headers.get('x-vercel-ip-longitude') ?? '')
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? { lat, lng } : null
}

function offered(path: RankedPath): OfferedEdge {
  const { id, url, alternateUrls, city, country, distanceKm } = path
  return { id, url, alternateUrls, city, country, distanceKm, ...standpointOf(path) }
}

function standpointOf({ score, weight, source }: RankedPath): Standpoint {
  return { score, weight, source }
}

function unreachable(): never {
  throw new Error('a ranking without the direct path')
}
