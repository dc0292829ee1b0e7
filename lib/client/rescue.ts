import { type Choice, speedsOf } from './choose-route.ts'
import { type Course, HEAD_START_BYTES, isWaiting, secondsLeft, speedOf } from './flight.ts'
import { isUsable, type Route } from './routes.ts'

/** A part must need so many times longer than a new attempt before it is sent a second time, or given up for another path. */
const WORTH_A_HEDGE = 1.4
const WORTH_A_MOVE = 4
/** What would be there within so long anyway is left alone, in seconds. */
const SOON_SECONDS = 0.5
/** A part that is further than this is not given up. */
const TOO_FAR_TO_MOVE = 0.5
/** Where one connection is so many times slower than its path's others, another one of the same path may help. */
const FAR_BEHIND = 2.5
const UNKNOWN_SHARE = 0.5
/** Of all bytes, so many may be put on the way twice. */
const EXTRA_SHARE_MAX = 0.12
/** An attempt this young has not shown anything yet, in ms. */
const GRACE_MS = 500
/** Nothing moved: how many times what a piece of that size takes, and within which bounds (ms). */
const STALL_TIMES = 6
const STALL_MS = { least: 4_000, unknown: 15_000, most: 30_000 }
const ANSWER_MS = { least: 10_000, unknown: 60_000, most: 120_000 }

export type Rescue = { course: Course; how: 'hedge' | 'move'; route: Route }

export type Situation = Choice & {
  courses: Course[]
  /** All bytes of this transfer so far, and those that were sent twice. */
  bytes: number
  wasted: number
}

/**
 * Parts that are much slower than a new attempt would be, by their own progress. While connections are free for them they are
 * sent a second time (`hedge`), and the first to arrive counts; while other parts wait for a connection, those that have
 * hardly begun are given up for a better path (`move`). At most one at a time for each free connection, the slowest first, and never more than 12 % of
 * all bytes twice.
 */
export function findRescues(situation: Situation): Rescue[] {
  const { courses, pending, connections, now } = situation
  const free = Math.max(0, connections - courses.length)
  const how = pending === 0 ? 'hedge' : 'move'
  const speeds = speedsOf(situation)
  let allowance = EXTRA_SHARE_MAX * situation.bytes - situation.wasted - atStake(courses)

  const most = how === 'hedge' ? free : 1

  const rescues: Rescue[] = []
  for (const { course, left } of slowestFirst(courses, now)) {
    if (rescues.length >= most) break
    const better = betterRoute(course, speeds, situation)
    if (!better || course.flight.bytes > allowance) continue
    if (!isWorthIt({ course, left, how, ...better })) continue
    allowance -= course.flight.bytes
    rescues.push({ course, how, route: better.route })
  }
  return rescues
}

type Candidate = Rescue & { left: number; speed: number }

function isWorthIt({ course: { flight }, left, how, route, speed }: Candidate): boolean {
  const anew = flight.job.bytes / speed + (2 * (route.roundTripMs ?? 0)) / 1000
  if (left <= SOON_SECONDS) return false
  if (how === 'hedge') return left > anew * WORTH_A_HEDGE
  return left > anew * WORTH_A_MOVE && flight.bytes <= flight.job.bytes * TOO_FAR_TO_MOVE
}

/** Flights of which nothing moved for longer than their path's own pace explains; twice as long after each failure. */
export function findStalled(courses: Course[], now: number): Course[] {
  return courses.filter(
    (course) => now - course.movedAt > patienceMs(course) * 2 ** Math.min(course.failures, 4),
  )
}

function patienceMs(course: Course): number {
  const { speed, answerMs, roundTripMs = 0 } = course.flight.route
  if (isWaiting(course)) {
    const usual = answerMs === undefined ? ANSWER_MS.unknown : answerMs * STALL_TIMES + roundTripMs
    return Math.min(ANSWER_MS.most, Math.max(ANSWER_MS.least, usual))
  }
  const usual =
    speed === undefined ? STALL_MS.unknown : (STALL_TIMES * HEAD_START_BYTES * 1000) / speed
  return Math.min(STALL_MS.most, Math.max(STALL_MS.least, usual + roundTripMs * STALL_TIMES))
}

/** Only where one attempt is under way; a part whose bytes are all gone waits for its answer, which may take a while. */
function slowestFirst(courses: Course[], now: number): { course: Course; left: number }[] {
  const hedged = new Set(courses.filter(({ isHedge }) => isHedge).map(({ flight }) => flight.job))
  return courses
    .filter(({ flight }) => !hedged.has(flight.job) && now - flight.startedAt > GRACE_MS)
    .filter((course) => !isWaiting(course) || isOverdue(course, now))
    .map((course) => ({ course, left: secondsLeft(course, now) }))
    .sort((a, b) => b.left - a.left)
}

function isOverdue({ movedAt, flight }: Course, now: number): boolean {
  const { answerMs, roundTripMs = 0 } = flight.route
  return answerMs !== undefined && now - movedAt > 1_000 + 2 * answerMs + 2 * roundTripMs
}

/**
 * The path that promises most, over another connection of its own too where this one is far behind the others there. A path that
 * nobody has tried is taken to be half as fast.
 */
function betterRoute(course: Course, speeds: Map<Route, number>, { routes, now }: Situation) {
  const own = course.flight.route
  const speed = speedOf(course, now) ?? 0
  const expected = (route: Route) => speeds.get(route) ?? (speeds.get(own) ?? 0) * UNKNOWN_SHARE
  const isBehind = (speeds.get(own) ?? 0) > speed * FAR_BEHIND
  const pool = routes.filter((route) => isUsable(route, now) && (route !== own || isBehind))
  pool.sort((a, b) => expected(b) - expected(a))
  const [best] = pool
  return best && expected(best) > 0 ? { route: best, speed: expected(best) } : undefined
}

/** What the hedges under way will most likely have cost: the first attempts' bytes so far. */
function atStake(courses: Course[]): number {
  const hedged = new Set(courses.filter(({ isHedge }) => isHedge).map(({ flight }) => flight.job))
  return courses
    .filter(({ flight, isHedge }) => !isHedge && hedged.has(flight.job))
    .reduce((sum, { flight }) => sum + flight.bytes, 0)
}
