import { backoffMs } from './backoff.ts'
import type { Edge } from './wire.ts'

export const DIRECT = 'direct'
/** Of so many connections, one goes straight to the store while relays are there: enough to notice when it is better. */
const CONNECTIONS_PER_DIRECT = 16
/** After this many failed parts in a row a path is left alone for a while, not just rested. */
const FAILURES_UNTIL_LEFT = 3
const LEFT_MS = 60_000

/**
 * A way to the store. `url` is null for the direct one; times are ms of `performance.now()`. `failedParts` are those in
 * a row, `failures` how often that was: parts that fail together fail once.
 */
export type Route = {
  id: string
  url: string | null
  active: number
  failures: number
  failedParts: number
  restUntil: number
}

/** The relays of an answer in its order, best first, and `direct` last; what is known of a path is kept. */
export function routesFrom(edges: Edge[], known: Route[]): Route[] {
  const wanted = [...edges.map(({ id, url }) => ({ id, url })), { id: DIRECT, url: null }]
  const fresh = wanted.map(
    ({ id, url }) =>
      known.find((route) => route.id === id && route.url === url) ?? newRoute(id, url),
  )
  // A path that a later answer does not name may still carry parts; it takes no new ones.
  const leaving = known.filter((route) => !fresh.includes(route) && route.active > 0)
  for (const route of leaving) route.restUntil = Number.POSITIVE_INFINITY
  return [...fresh, ...leaving]
}

/**
 * How many connections each path may use now. Relays share them evenly, the best first; `direct` has one in 16, or
 * all when no relay is usable. A path that failed last is tried with one connection, a resting one with none.
 */
export function roomOf(routes: Route[], connections: number, now: number): Map<string, number> {
  const rooms = new Map<string, number>()
  const usable = routes.filter((route) => route.restUntil <= now)
  const healthy = usable.filter((route) => route.failures === 0)
  for (const route of usable) if (route.failures > 0) rooms.set(route.id, 1)

  const edges = healthy.filter((route) => route.url !== null)
  const direct = healthy.find((route) => route.url === null)
  const forDirect = direct ? directShare(edges.length, connections) : 0
  if (direct) rooms.set(direct.id, forDirect)

  const forEdges = connections - forDirect
  for (const [index, { id }] of edges.entries()) {
    const extra = index < forEdges % edges.length ? 1 : 0
    rooms.set(id, Math.floor(forEdges / edges.length) + extra)
  }
  return rooms
}

/**
 * A part failed over the path: it rests, longer each time. With the third in a row it is left, if there are others: once
 * it has failed again after a rest, since parts that fail together may have met with one accident of a moment.
 */
export function blame(
  route: Route,
  now: number,
  { waitMs, others }: { waitMs: number; others: boolean },
): void {
  route.failedParts += 1
  // Parts that were under way together fail together; that is one failure.
  if (route.restUntil > now) return
  route.failures += 1
  const isLeft = others && route.failures > 1 && route.failedParts >= FAILURES_UNTIL_LEFT
  const rest = isLeft ? LEFT_MS : backoffMs(route.failures)
  route.restUntil = now + Math.max(rest, waitMs)
}

/** A transfer over the path succeeded. */
export function praise(route: Route): void {
  route.failures = 0
  route.failedParts = 0
}

function newRoute(id: string, url: string | null): Route {
  return { id, url, active: 0, failures: 0, failedParts: 0, restUntil: 0 }
}

function directShare(edges: number, connections: number): number {
  if (edges === 0) return connections
  if (connections <= edges) return 0
  return Math.max(1, Math.floor(connections / CONNECTIONS_PER_DIRECT))
}
