import { type Course, recentOf } from './flight.ts'
import { DIRECT, isUsable, type Route } from './routes.ts'

/** Another path must promise so much more than a better ranked one to be taken before it: one part's speed is luck by half. */
const CLEARLY_BETTER = 1.6
/**
 * No relay gets more of the connections while there are others: buffers on its way may swallow parts and keep them, and then
 * the rest go on over those.
 */
const SHARE_MAX = 0.75
/** Of few connections the nearest may have all: one part on a slower path would be what everything waits for. */
const SHARED_FROM = 5
/** Farther relays are tried with one part each while at least so many connections are there for the nearest. */
const CONNECTIONS_UNTIL_SCOUTS = 3
/** An idle path is not quite believed what its last part had. */
const SHARERS_MIN = 2
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
  const { routes, now, perHost = Number.POSITIVE_INFINITY, connections } = choice
  const usable = routes.filter(
    (route) => isUsable(route, now) && route.active < perHost * Math.max(1, route.urls.length),
  )
  const speeds = speedsOf(choice)
  const relays = usable.filter(({ id }) => id !== DIRECT)
  const isShared = relays.length > 1 && connections >= SHARED_FROM
  const most = isShared ? Math.ceil(connections * SHARE_MAX) : connections
  const open = usable.filter(
    (route) => isWorthwhile(route, usable, choice) && (route.active < most || route.id === DIRECT),
  )
  return scoutFor(open, choice) ?? bestOf(open, speeds)
}

/**
 * Bytes a second that one more connection over each path may expect; undefined where nothing is known. Attempts count by their
 * time, so that one whose bytes a buffer has just swallowed says little; the parts that arrived count like one of them.
 */
export function speedsOf({ routes, courses, now }: Choice): Map<Route, number> {
  const seen = new Map(routes.map((route) => [route, arrivalsOf(route)]))
  for (const course of courses) addAttempt(seen.get(course.flight.route), course, now)
  const speeds = new Map<Route, number>()
  for (const [route, { bytes, ms, begun }] of seen) {
    // What a path carries may be all that it can: one more connection then takes from the others, as those do that just began.
    const sharers = Math.max(SHARERS_MIN, route.active - begun)
    if (ms > 0) speeds.set(route, ((bytes * 1000) / ms) * (sharers / (sharers + begun + 1)))
  }
  return speeds
}

/** What is seen of a path's attempts, and how many are too young to show anything. */
type Sight = { bytes: number; ms: number; begun: number }

function arrivalsOf({ speed }: Route): Sight {
  return speed === undefined ? { bytes: 0, ms: 0, begun: 0 } : { bytes: speed, ms: 1000, begun: 0 }
}

function addAttempt(sight: Sight | undefined, course: Course, now: number): void {
  if (!sight) return
  const recent = recentOf(course, now)
  sight.bytes += recent?.bytes ?? 0
  sight.ms += recent?.ms ?? 0
  if (!recent) sight.begun += 1
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
