import * as z from '../vendor/zod.js'
import { SHARED_SECONDS } from './keys.ts'
import type { OwnMeasurement } from './measurement.ts'

/** Fewer accounts say nothing to others. */
const ACCOUNTS_MIN = 3
/** Kept of one path: so many accounts. */
const ACCOUNTS_MAX = 64
/** What counts: so many accounts, the newest, and all others of the last hour. Nine of them outvote four. */
const RECENT_ACCOUNTS = 9
const RECENT_MS = 3600 * 1000
/** Paths of one account are compared when all were measured within this time: a laptop moves. */
const COMPARABLE_MS = 3600 * 1000
/** Failures in a row that call a path failing. */
const FAILING = 3

const Share = z.number().check(z.minimum(0), z.maximum(1))
const Positive = z.number().check(z.positive())
const figures = {
  throughputMbps: z.nullable(Positive),
  relativeThroughput: z.nullable(Share),
  latencyMs: z.nullable(Positive),
  errorRate: Share,
}

const Contribution = z.object({
  ...figures,
  region: z.nullable(z.string()),
  /** When the path last failed for this account, while it is failing. */
  failedAt: z.nullable(z.number()),
  at: z.number(),
})

const Published = z.object({
  ...figures,
  accounts: z.int().check(z.minimum(ACCOUNTS_MIN)),
  failingAccounts: z.int().check(z.minimum(0)),
  failedAt: z.nullable(z.number()),
  measuredAt: z.number(),
})

/** What one account says of one path, from one region. */
export type Contribution = z.infer<typeof Contribution>

/** The shared measurement of a path, and with it the goodput of one connection in Mbit/s: to be shown, not to rank by. */
export type Published = z.infer<typeof Published>

/** A stored contribution; null for anything else, and for one older than 48 hours. */
export function readContribution(value: unknown, now: number): Contribution | null {
  const contribution = z.safeParse(Contribution, value).data
  return contribution && isAlive(contribution.at, now) ? contribution : null
}

/** A published measurement; null for anything else, and once fewer than three of its accounts spoke within 48 hours. */
export function readPublished(value: unknown, now: number): Published | null {
  const published = z.safeParse(Published, value).data
  return published && isAlive(published.measuredAt, now) ? published : null
}

/**
 * What an account says of a path to others. Its throughput is relative to the account's best path of the last hour, so
 * it is free of how fast its line is; null while there is nothing to compare with.
 */
export function contributionOf(
  own: ReadonlyMap<string, OwnMeasurement>,
  pathId: string,
  { region, now }: { region: string | null; now: number },
): Contribution | null {
  const path = own.get(pathId)
  if (!path) return null
  const comparable = [...own.values()].flatMap(({ throughputMbps, measuredAt }) =>
    throughputMbps !== null && now - measuredAt < COMPARABLE_MS ? [throughputMbps] : [],
  )
  const best = comparable.length > 1 ? Math.max(...comparable) : null
  return {
    region,
    throughputMbps: path.throughputMbps,
    relativeThroughput:
      path.throughputMbps === null || best === null ? null : path.throughputMbps / best,
    latencyMs: path.latencyMs,
    errorRate: path.errorRate,
    failedAt: path.failuresInRow >= FAILING ? path.failedAt : null,
    at: path.measuredAt,
  }
}

/** At most 64 contributors: the oldest of the region that has most give way, so a crowd displaces its own and nobody else. */
export function keepNewest(
  contributions: ReadonlyMap<string, Contribution>,
): Map<string, Contribution> {
  const kept = new Map([...contributions].sort(([, a], [, b]) => a.at - b.at))
  while (kept.size > ACCOUNTS_MAX) {
    const crowded = largestRegion([...kept.values()])
    const [oldest] = [...kept].find(([, { region }]) => region === crowded) ?? []
    kept.delete(oldest ?? '')
  }
  return kept
}

/**
 * What contributions say together: of each figure the median, every account counting once. (Dropping the highest and the
 * lowest fifth first, as a trimmed median does, drops as many on either side and leaves the same middle.) Times are the
 * third newest, so they say when at least three accounts had spoken, and one that always speaks last cannot make an old
 * value fresh. Null below three accounts.
 */
export function shareOf(contributions: Contribution[], now: number): Published | null {
  const recent = contributions
    .filter(({ at }) => isAlive(at, now))
    .sort((a, b) => b.at - a.at)
    .filter(({ at }, n) => n < RECENT_ACCOUNTS || now - at < RECENT_MS)
  const measuredAt = thirdNewest(recent.map(({ at }) => at))
  if (measuredAt === null) return null

  const failed = recent.flatMap(({ failedAt }) => failedAt ?? [])
  return {
    throughputMbps: median(recent.flatMap((one) => one.throughputMbps ?? [])),
    relativeThroughput: median(recent.flatMap((one) => one.relativeThroughput ?? [])),
    latencyMs: median(recent.flatMap((one) => one.latencyMs ?? [])),
    errorRate: median(recent.map((one) => one.errorRate)) ?? 0,
    accounts: recent.length,
    failingAccounts: failed.length,
    failedAt: thirdNewest(failed),
    measuredAt,
  }
}

function isAlive(at: number, now: number): boolean {
  return now - at < SHARED_SECONDS * 1000
}

function largestRegion(contributions: Contribution[]): string | null {
  const counts = new Map<string | null, number>()
  for (const { region } of contributions) counts.set(region, (counts.get(region) ?? 0) + 1)
  const [largest] = [...counts].sort(([, a], [, b]) => b - a)
  return largest ? largest[0] : null
}

function thirdNewest(times: number[]): number | null {
  return times.toSorted((a, b) => b - a)[ACCOUNTS_MIN - 1] ?? null
}

/** Null for fewer than three. */
function median(values: number[]): number | null {
  if (values.length < ACCOUNTS_MIN) return null
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  const middle = sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1)
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}
