import * as z from '../vendor/zod.js'
import { OWN_SECONDS } from './keys.ts'
import type { OwnMeasurement, PathTiming } from './measurement.ts'

/** Paths kept of one account; there are 20 locations and `direct`. */
export const PATHS_MAX = 32
/** Only a path not measured for so long makes room for another: made-up ids cannot be many. */
const REPLACEABLE_MS = 24 * 3600 * 1000

/** How much newer reports count: what was known before is worth half after one part (of a MiB at least) ... */
const HALF_BYTES = 1024 ** 2
/** ... and as much less as half-minutes went by since: a part after a minute counts like three at once. */
const PAUSE_MS = 30_000
/** Errors come one by one and need more to say something: half after eight parts, forgotten by half in an hour. */
const HALF_TRIES = 8
const FORGIVEN_MS = 3600 * 1000

/** Faster or slower than this is a broken clock or a lie. */
const THROUGHPUT_MBPS_MAX = 100_000
const LATENCY_MS_MAX = 60_000
const COUNT_MAX = 1_000_000
const PATH_ID = /^[a-z0-9][a-z0-9-]{0,63}$/

const Count = z.int().check(z.minimum(0), z.maximum(COUNT_MAX))
const Timing = z.object({
  edgeId: z.string().check(z.regex(PATH_ID)),
  parts: Count,
  bytes: z.number().check(z.minimum(0)),
  busyMs: z.number().check(z.minimum(0)),
  failures: Count,
  failuresInRow: Count,
})

const Own = z.object({
  throughputMbps: z.nullable(z.number().check(z.positive(), z.maximum(THROUGHPUT_MBPS_MAX))),
  latencyMs: z.nullable(z.number().check(z.positive(), z.maximum(LATENCY_MS_MAX))),
  errorRate: z.number().check(z.minimum(0), z.maximum(1)),
  failuresInRow: Count,
  failedAt: z.nullable(z.number()),
  measuredAt: z.number(),
})

/** A stored measurement; null for anything else, and for one older than seven days. */
export function readOwn(value: unknown, now: number): OwnMeasurement | null {
  const own = z.safeParse(Own, value).data
  return own && now - own.measuredAt < OWN_SECONDS * 1000 ? own : null
}

/** Whether a report can be true in form: counts are counts, times are finite, the path's id is one that a relay may have. */
export function isUsable(timing: PathTiming): boolean {
  return z.safeParse(Timing, timing).success
}

/**
 * What an account knows of its paths after a report of usable timings. Of more than 32 paths those longest unmeasured give
 * way, and where all were measured within a day, the new ones do.
 *
 * @returns all paths, and which of them changed
 */
export function takeTimings(
  before: ReadonlyMap<string, OwnMeasurement>,
  timings: PathTiming[],
  now: number,
): { own: Map<string, OwnMeasurement>; changed: Set<string> } {
  const own = new Map(before)
  const changed = new Set<string>()
  for (const timing of timings) {
    const { edgeId } = timing
    if (!makeRoom(own, edgeId, now)) continue
    own.set(edgeId, foldTiming(own.get(edgeId) ?? null, timing, now))
    changed.add(edgeId)
  }
  return { own, changed }
}

/** One report of one path, taken into what was known of it. */
export function foldTiming(
  before: OwnMeasurement | null,
  timing: PathTiming,
  now: number,
): OwnMeasurement {
  const { parts, bytes, failures } = timing
  const pauseMs = before ? Math.max(0, now - before.measuredAt) : 0
  const pauses = 1 + pauseMs / PAUSE_MS
  const forgiven = (before?.errorRate ?? 0) * 0.5 ** (pauseMs / FORGIVEN_MS)
  const tries = parts + failures
  return {
    throughputMbps: mix(
      before?.throughputMbps ?? null,
      throughputOf(timing),
      Math.min(parts, bytes / HALF_BYTES) * pauses,
    ),
    latencyMs: mix(before?.latencyMs ?? null, latencyOf(timing), pauses),
    errorRate: mix(forgiven, tries > 0 ? failures / tries : null, tries / HALF_TRIES) ?? 0,
    failuresInRow: failuresInRowOf(before, timing),
    failedAt: failures > 0 ? now : (before?.failedAt ?? null),
    measuredAt: now,
  }
}

function makeRoom(own: Map<string, OwnMeasurement>, id: string, now: number): boolean {
  if (own.has(id) || own.size < PATHS_MAX) return true
  const [oldest] = [...own].sort(([, a], [, b]) => a.measuredAt - b.measuredAt)
  if (!oldest || now - oldest[1].measuredAt < REPLACEABLE_MS) return false
  return own.delete(oldest[0])
}

/** The exponentially weighted mean: `before` keeps a half to the power of the weight. */
function mix(before: number | null, sample: number | null, weight: number): number | null {
  if (before === null || sample === null) return sample ?? before
  return sample + (before - sample) * 0.5 ** weight
}

/** bytes x 8 / ms is kbit/s. */
function throughputOf({ parts, bytes, busyMs }: PathTiming): number | null {
  const mbps = parts > 0 ? (bytes * 8) / busyMs / 1000 : 0
  return mbps > 0 && mbps <= THROUGHPUT_MBPS_MAX ? mbps : null
}

function latencyOf({ latencyMs }: PathTiming): number | null {
  return latencyMs !== null && latencyMs > 0 && latencyMs <= LATENCY_MS_MAX ? latencyMs : null
}

function failuresInRowOf(before: OwnMeasurement | null, timing: PathTiming): number {
  const { parts, failures } = timing
  if (parts > 0) return Math.min(timing.failuresInRow, failures)
  return Math.min((before?.failuresInRow ?? 0) + failures, COUNT_MAX)
}
