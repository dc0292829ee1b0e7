import type { Edge } from './catalogue.ts'
import type { OwnMeasurement, SharedMeasurement, Standing } from './measurement.ts'

/** So many failed parts in a row, or accounts that saw so many, take a relay out. */
const FAILURES_IN_ROW = 3
const FAILING_ACCOUNTS = 3
/** One account's failures may be its own line's: without a probe, it gets a relay back after this long. */
const OWN_MS_MAX = 10 * 60 * 1000

/**
 * Whether a relay is left out for now: for the account that saw three parts fail in a row, for everybody when three
 * accounts did. The next probe that succeeds lets it back. `now` in ms since 1970.
 */
export function isBroken(edge: Edge, { own, shared }: Standing, now: number): boolean {
  return isBrokenForOne(own.get(edge.id), edge, now) || isBrokenForAll(shared.get(edge.id), edge)
}

function isBrokenForOne(own: OwnMeasurement | undefined, edge: Edge, now: number): boolean {
  if (own === undefined || own.failedAt === null || own.failuresInRow < FAILURES_IN_ROW)
    return false
  return isUnseenSince(own.failedAt, edge) && now - own.failedAt < OWN_MS_MAX
}

function isBrokenForAll(shared: SharedMeasurement | undefined, edge: Edge): boolean {
  if (shared === undefined || shared.failedAt === null) return false
  return shared.failingAccounts >= FAILING_ACCOUNTS && isUnseenSince(shared.failedAt, edge)
}

function isUnseenSince(failedAt: number, { seenAt }: Edge): boolean {
  return seenAt === null || seenAt <= failedAt
}
