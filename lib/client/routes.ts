import { backoffMs } from './backoff.ts'
import type { Direct, Edge } from './wire.ts'

export const DIRECT = 'direct'
/** After this many failed parts in a row a path is left alone for a while, not just rested. */
const FAILURES_UNTIL_LEFT = 3
const LEFT_MS = 60_000
/** The newest part's weight in what is remembered of a path. */
const NEWEST = 0.3

/**
 * A way to the store. `urls` are the addresses under which it answers, none for the direct one; times are ms of
 * `performance.now()`. `failedParts` are those in a row, `failures` how often that was: parts that fail together fail once.
 */
export type Route = {
  id: string
  urls: string[]
  active: number
  failures: number
  failedParts: number
  restUntil: number
  /** Bytes a second of one connection, as parts that arrived had it; undefined until one did. */
  speed?: number
  /** From the last byte handed over to the answer, in ms, likewise. */
  answerMs?: number
  /** A round trip, as new connections had it, in ms. */
  roundTripMs?: number
}

/**
 * The paths of an answer in its order, best first; what is known of a path is kept. `direct` stands where its score puts it, and
 * last where nothing is said of it.
 */
export function routesFrom(edges: Edge[], known: Route[], direct: Direct = {}): Route[] {
  const wanted = edges.map(({ id, url, alternateUrls }) => ({
    id,
    urls: [url, ...(alternateUrls ?? [])],
  }))
  const worse = edges.findIndex(({ score }) => (score ?? Infinity) < (direct.score ?? -Infinity))
  wanted.splice(worse < 0 ? wanted.length : worse, 0, { id: DIRECT, urls: [] })
  const fresh = wanted.map(
    ({ id, urls }) =>
      known.find((route) => route.id === id && route.urls.join() === urls.join()) ??
      newRoute(id, urls),
  )
  // A path that a later answer does not name may still carry parts; it takes no new ones.
  const leaving = known.filter((route) => !fresh.includes(route) && route.active > 0)
  for (const route of leaving) route.restUntil = Number.POSITIVE_INFINITY
  return [...fresh, ...leaving]
}

/** Whether the path takes parts now: it does not rest, and if it failed last, only one part at a time tries it. */
export function isUsable({ restUntil, failures, active }: Route, now: number): boolean {
  return restUntil <= now && (failures === 0 || active === 0)
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

/** A part arrived over the path: `seconds` after it began, `answerMs` after its last byte had been handed over. */
export function praise(
  route: Route,
  part: { bytes: number; seconds: number; answerMs: number },
): void {
  route.failures = 0
  route.failedParts = 0
  route.speed = blend(route.speed, part.bytes / Math.max(part.seconds, 0.001))
  route.answerMs = blend(route.answerMs, part.answerMs)
}

function blend(before: number | undefined, seen: number): number {
  return before === undefined ? seen : before + NEWEST * (seen - before)
}

function newRoute(id: string, urls: string[]): Route {
  return { id, urls, active: 0, failures: 0, failedParts: 0, restUntil: 0 }
}
