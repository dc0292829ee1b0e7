import type { Job } from './job-queue.ts'
import type { Route } from './routes.ts'

/** Over so long the recent speed is taken, in ms. */
const RECENT_MS = 1_500
const SAMPLE_EVERY_MS = 100
/** What a kernel takes of a body before anything has left, at most times: it says nothing about the path. */
export const HEAD_START_BYTES = 128 * 1024
/** Of a part that waits for its answer, as much is taken to have left the machine. */
const LEFT_OF_HANDED_OVER = 0.5
/** Before a flight is this old, its speed is not known, in ms. */
const TOO_YOUNG_MS = 150

/**
 * Why the engine itself ended an attempt: another one was first (`lost`), it goes on elsewhere (`moved`), nothing moved for
 * too long (`stalled`), a person pauses (`paused`), the machine slept (`slept`), nobody waits for the piece (`unwanted`).
 */
export type End = 'lost' | 'moved' | 'stalled' | 'paused' | 'slept' | 'unwanted'

/** One attempt at a piece over one path. Times are ms of `performance.now()`. */
export type Flight = {
  job: Job
  route: Route
  /** The path's address that this attempt uses; null for the direct path. */
  url: string | null
  signal: AbortSignal
  startedAt: number
  /** Bytes that the connection took so far. */
  bytes: number
  /** Tells the bytes moved so far, in all. */
  moved: (bytes: number) => void
  /** A new connection took so long to open, in ms. */
  connected: (ms: number) => void
  /** Waits until so many more bytes may go. */
  pace: (bytes: number) => Promise<void>
  isPaced: () => boolean
}

/** What the engine knows of a flight beside what the piece's sender does. */
export type Course = {
  flight: Flight
  controller: AbortController
  isHedge: boolean
  /** How often the piece had failed before. */
  failures: number
  movedAt: number
  /** Waits because of a limit, not because of its path. */
  isHeld: boolean
  samples: { at: number; bytes: number }[]
  end?: End
}

/** Notes that bytes moved. */
export function note(course: Course, now: number): void {
  const { samples, flight } = course
  course.movedAt = now
  const last = samples.at(-1)
  // The first says when it began; a later one stands for a tenth of a second.
  if (last && samples.length > 1 && now - last.at < SAMPLE_EVERY_MS) last.bytes = flight.bytes
  else samples.push({ at: now, bytes: flight.bytes })
  while (samples.length > 1 && (samples[1]?.at ?? now) < now - RECENT_MS) samples.shift()
}

/**
 * What moved in the last 1.5 s, or since it began where that is less; undefined while it is too young. The first 128 KiB only
 * filled the kernel's buffer and do not count. Once all has been handed over, nobody knows how much of it
 * has left: half is assumed.
 */
export function recentOf(course: Course, now: number): { bytes: number; ms: number } | undefined {
  const { flight, samples } = course
  const ageMs = now - flight.startedAt
  if (ageMs < TOO_YOUNG_MS) return undefined
  if (isWaiting(course)) {
    const ms = Math.min(ageMs, RECENT_MS)
    return { bytes: (flight.job.bytes * LEFT_OF_HANDED_OVER * ms) / ageMs, ms }
  }
  const from = samples.findLast(({ at }) => at <= now - RECENT_MS)
  if (from === undefined) {
    return { bytes: Math.max(0, flight.bytes - HEAD_START_BYTES), ms: ageMs }
  }
  return { bytes: flight.bytes - from.bytes, ms: RECENT_MS }
}

/** Bytes a second lately; undefined while the flight is too young. */
export function speedOf(course: Course, now: number): number | undefined {
  const recent = recentOf(course, now)
  return recent && (recent.bytes * 1000) / recent.ms
}

/**
 * Seconds that the flight still needs at its own pace. What the kernel holds back of the last bytes is unknown, so a little is
 * always left; Infinity where nothing moves. Where all has been handed over, nobody knows how much of it has left the machine:
 * as long again as it took so far is a fair guess.
 */
export function secondsLeft(course: Course, now: number): number {
  const { flight } = course
  if (isWaiting(course)) return (now - flight.startedAt) / 1000
  const speed = speedOf(course, now)
  if (speed === undefined) return 0
  const left = flight.job.bytes - flight.bytes + HEAD_START_BYTES / 2
  return speed > 0 ? left / speed : Number.POSITIVE_INFINITY
}

/** Whether all of the body has been handed over and only the answer is missing. */
export function isWaiting({ flight }: Course): boolean {
  return flight.bytes >= flight.job.bytes
}

/** Ends an attempt for a reason of the engine's own. */
export function endCourse(course: Course, end: End): void {
  course.end ??= end
  course.controller.abort(new Error(end))
}
