import { type Course, speedOf } from './flight.ts'
import { DIRECT, isUsable, type Route } from './routes.ts'

/** Another path must promise so much more than a better ranked one to be taken before it. */
const CLEARLY_BETTER = 1.3
/** Farther relays are tried with one part each while at least so many connections are there for the nearest. */
const CONNECTIONS_UNTIL_SCOUTS = 4
/** The far, direct path is tried only where a slow part of it will not be among the last: so many parts wait for each connection. */
const PARTS_BEFORE_DIRECT = 4

export type Choice = {
  /** Best first. */
  routes: Route[]
  courses: Iterable<Course>
  /** Parts that nobody has taken, and the connections for them. */
  pending: number
  connections: number
  /** In browsers, how many one host may have. */
  perHost?: number
  now: number
}

/**
 * The path for one more part, or undefined where none has room. The nearest carries most; another is preferred once it
 * promises clearly more for one more connection, as far as the parts under way show. Paths that nobody has tried get one
 * part each on the way, so that they are known when they are needed.
 */
export function chooseRoute(choice: Choice): Route | undefined {
  const { routes, now, perHost = Number.POSITIVE_INFINITY } = choice
  const usable = routes.filter(
    (route) => isUsable(route, now) && route.active < perHost * Math.max(1, route.urls.length),
  )
  const speeds = speedsOf(choice)
  const open = usable.filter((route) => isWorthwhile(route, usable, choice))
  return scoutFor(open, choice) ?? bestOf(open, speeds)
}

/** Bytes a second that one more connection over each path may expect; undefined where nothing is known. */
export function speedsOf({ routes, courses, now }: Choice): Map<Route, number> {
  const seen = new Map<Route, number[]>()
  for (const course of courses) {
    const speed = speedOf(course, now)
    const { route } = course.flight
    if (speed !== undefined) seen.set(route, [...(seen.get(route) ?? []), speed])
  }
  const speeds = new Map<Route, number>()
  for (const route of routes) {
    const one = seen.has(route) ? mean(seen.get(route) ?? []) : route.speed
    // What a path carries may be all that it can: one more connection then takes from the others.
    const sharers = Math.max(1, route.active)
    if (one !== undefined) speeds.set(route, (one * sharers) / (sharers + 1))
  }
  return speeds
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function bestOf(open: Route[], speeds: Map<Route, number>): Route | undefined {
  let best: Route | undefined
  for (const route of open) {
    const speed = speeds.get(route)
    const bestSpeed = best && speeds.get(best)
    const isBetter =
      speed !== undefined && bestSpeed !== undefined && speed > bestSpeed * CLEARLY_BETTER
    if (!best || isBetter) best = route
  }
  return best
}

/** A path that is idle and unknown, once the best has enough. */
function scoutFor(open: Route[], { pending, connections }: Choice): Route | undefined {
  const [best, ...others] = open
  if (!best || best.active < CONNECTIONS_UNTIL_SCOUTS || pending < connections) return undefined
  return others.find(({ active, speed }) => active === 0 && speed === undefined)
}

/** Where relays are free to take all that is left, a farther direct path takes nothing: it would hold up the rest. */
function isWorthwhile(route: Route, usable: Route[], { pending, connections }: Choice): boolean {
  if (route.id !== DIRECT || usable[0] === route) return true
  const relays = usable.filter(({ id, failures }) => id !== DIRECT && failures === 0)
  return relays.length === 0 || pending >= connections * PARTS_BEFORE_DIRECT
}
