import { type Choice, speedsOf } from './choose-route.ts'
import { type Course, HEAD_START_BYTES, isWaiting, secondsLeft, speedOf } from './flight.ts'
import { isUsable, type Route } from './routes.ts'

/** A part must need so many times longer than a new attempt before it is sent a second time, or given up for another path. */
const WORTH_A_HEDGE = 2
const WORTH_A_MOVE = 4
/** What would be there within so long anyway is left alone, in seconds. */
const SOON_SECONDS = 0.5
const URGENT_SECONDS = 2
/** A part that is further than this is not given up. */
const TOO_FAR_TO_MOVE = 0.5
/** Where one connection is so many times slower than its path's others, another one of the same path may help. */
const FAR_BEHIND = 2.5
const UNKNOWN_SHARE = 0.5
/**
 * Of all bytes, so many may be put on the way twice: little, unless second attempts have been first more often than not, as they
 * are where packets get lost or a path is bad. Until then one is taken to cost the whole part, since both may go on to the end.
 */
const EXTRA = { calm: { ofAll: 0.03, ofPart: 1 }, rough: { ofAll: 0.12, ofPart: 0.5 } }
/**
 * An attempt this young has not shown anything yet, in ms; while no part has arrived, windows are still opening, and it takes
 * longer.
 */
const GRACE_MS = 700
const GRACE_MS_AT_FIRST = 2_500
/** An answer that is so much later than those before it, in ms, is not waited for alone. */
const OVERDUE_MS = 700
const ANSWER_MS_ASSUMED = 500
/** Nothing moved: how many times what a piece of that size takes, and within which bounds (ms). */
const STALL_TIMES = 6
const STALL_MS = { least: 4_000, unknown: 15_000, most: 30_000 }
const ANSWER_MS = { least: 10_000, unknown: 60_000, most: 120_000 }

export type Rescue = { course: Course; how: 'hedge' | 'move'; route: Route }

export type Situation = Choice & {
  courses: Course[]
  /** All bytes of this transfer, and those that were sent twice so far. */
  bytes: number
  wasted: number
  /** Second attempts that were first, and those that were not. */
  hedges: { won: number; lost: number }
}

/**
 * Parts that are much slower than a new attempt would be, by their own progress. While connections are free for them they are
 * sent a second time (`hedge`), and the first to arrive counts; while other parts wait for a connection, those that have
 * hardly begun are given up for a better path (`move`). The slowest first, at most one for each free connection, and 3 % of all bytes, 12 % where
 * that has been of use; beyond that, one at a time for which everything would wait.
 */
export function findRescues(situation: Situation): Rescue[] {
  const { courses, pending, connections } = situation
  const how = pending === 0 ? 'hedge' : 'move'
  const most = how === 'hedge' ? connections - courses.length : 1
  const speeds = speedsOf(situation)
  let allowance = allowanceOf(situation)

  const rescues: Rescue[] = []
  for (const late of slowestFirst(situation)) {
    if (rescues.length >= most) break
    const candidate = candidateOf({ ...late, how }, speeds, situation)
    const stake = stakeOf(late.course, how, situation)
    const isAlone = rescues.length === 0 && !courses.some(({ isHedge }) => isHedge)
    if (!candidate || !isAffordable(candidate, { stake, allowance, isAlone })) continue
    allowance -= stake
    rescues.push(candidate)
    // The next one would share that path with it.
    speeds.set(candidate.route, candidate.speed / 2)
  }
  return rescues
}

function allowanceOf(situation: Situation): number {
  const { bytes, wasted } = situation
  return extraOf(situation).ofAll * bytes - wasted - atStake(situation)
}

function extraOf({ hedges }: Situation) {
  return hedges.won > hedges.lost ? EXTRA.rough : EXTRA.calm
}

/** A part for which everything would wait is sent again even where the allowance is used up: one at a time. */
function isAffordable(
  candidate: Candidate,
  { stake, allowance, isAlone }: { stake: number; allowance: number; isAlone: boolean },
): boolean {
  if (stake <= allowance) return true
  const isUrgent = candidate.left > Math.max(URGENT_SECONDS, 3 * secondsAnew(candidate))
  return isAlone && isUrgent && candidate.how === 'hedge'
}

type Candidate = Rescue & { left: number; speed: number }

function isWorthIt({ left, ...candidate }: Candidate): boolean {
  const { flight } = candidate.course
  const anew = secondsAnew(candidate)
  if (left <= SOON_SECONDS) return false
  if (candidate.how === 'hedge') return left > anew * WORTH_A_HEDGE
  return left > anew * WORTH_A_MOVE && flight.bytes <= flight.job.bytes * TOO_FAR_TO_MOVE
}

function candidateOf(
  late: { course: Course; left: number; how: Rescue['how'] },
  speeds: Map<Route, number>,
  situation: Situation,
): Candidate | undefined {
  const better = betterRoute(late.course, speeds, situation)
  const candidate = better && { ...late, ...better }
  return candidate && isWorthIt(candidate) ? candidate : undefined
}

function secondsAnew({ course, route, speed }: Omit<Candidate, 'left'>): number {
  return course.flight.job.bytes / speed + (2 * (route.roundTripMs ?? 0)) / 1000
}

/** Flights of which nothing moved for longer than their path's own pace explains; twice as long after each failure. */
export function findStalled(courses: Course[], now: number): Course[] {
  // How long answers take where this path has given none yet.
  const usualMs = Math.max(0, ...courses.map(({ flight }) => flight.route.answerMs ?? 0))
  return courses.filter(
    (course) =>
      !course.isHeld &&
      now - course.movedAt > patienceMs(course, usualMs) * 2 ** Math.min(course.failures, 4),
  )
}

function patienceMs(course: Course, usualMs: number): number {
  const { speed, answerMs = usualMs, roundTripMs = 0 } = course.flight.route
  if (isWaiting(course)) {
    const usual = answerMs > 0 ? answerMs * STALL_TIMES + roundTripMs : ANSWER_MS.unknown
    return Math.min(ANSWER_MS.most, Math.max(ANSWER_MS.least, usual))
  }
  const usual =
    speed === undefined ? STALL_MS.unknown : (STALL_TIMES * HEAD_START_BYTES * 1000) / speed
  return Math.min(STALL_MS.most, Math.max(STALL_MS.least, usual + roundTripMs * STALL_TIMES))
}

/** Only where one attempt is under way; a part whose bytes are all gone waits for its answer, which may take a while. */
function slowestFirst({ courses, routes, now }: Situation): { course: Course; left: number }[] {
  const hedged = new Set(courses.filter(({ isHedge }) => isHedge).map(({ flight }) => flight.job))
  const usual = Math.min(...routes.map(({ answerMs }) => answerMs ?? Number.POSITIVE_INFINITY))
  const answerMs = Number.isFinite(usual) ? usual : ANSWER_MS_ASSUMED
  const isOverdue = ({ movedAt, flight: { route } }: Course) =>
    now - movedAt > OVERDUE_MS + 2 * (route.answerMs ?? answerMs) + 2 * (route.roundTripMs ?? 0)
  const graceMs = routes.some(({ speed }) => speed !== undefined) ? GRACE_MS : GRACE_MS_AT_FIRST
  return courses
    .filter(({ flight }) => !hedged.has(flight.job) && now - flight.startedAt > graceMs)
    .filter((course) => !course.isHeld && (!isWaiting(course) || isOverdue(course)))
    .map((course) => ({ course, left: secondsLeft(course, now) }))
    .sort((a, b) => b.left - a.left)
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

/** What a rescue will most likely have cost: the first attempt's bytes, and of a hedge a share of the part, since both go on. */
function stakeOf({ flight }: Course, how: Rescue['how'], situation: Situation): number {
  if (how === 'move') return flight.bytes
  return Math.max(flight.bytes, flight.job.bytes * extraOf(situation).ofPart)
}

/** The stakes of the hedges under way. */
function atStake(situation: Situation): number {
  const { courses } = situation
  const hedged = new Set(courses.filter(({ isHedge }) => isHedge).map(({ flight }) => flight.job))
  return courses
    .filter(({ flight, isHedge }) => !isHedge && hedged.has(flight.job))
    .reduce((sum, course) => sum + stakeOf(course, 'hedge', situation), 0)
}
