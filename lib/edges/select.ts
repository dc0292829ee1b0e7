import type { Estimate } from './estimate.ts'
import { DIRECT } from './measurement.ts'
import type { RankedPath } from './rank.ts'

/** A path with its score; city and country are null for the direct one. */
export type Scored = {
  path: Pick<RankedPath, 'id' | 'url' | 'alternateUrls' | 'city' | 'country'>
  estimate: Estimate
  score: number
}

/**
 * Which of two paths stands first: the one with the higher score; of equal ones the measured one, then `direct`, then the
 * lower id.
 */
export function byPlace(a: Scored, b: Scored): number {
  return (
    b.score - a.score ||
    Number(isMeasured(b)) - Number(isMeasured(a)) ||
    Number(b.path.id === DIRECT) - Number(a.path.id === DIRECT) ||
    (a.path.id < b.path.id ? -1 : 1)
  )
}

/** Puts a path among the best so far, in order, and drops what is then too much. Most fail the first comparison. */
export function insertByPlace(best: Scored[], candidate: Scored, countMax: number): void {
  const last = best.length < countMax ? undefined : best[countMax - 1]
  if (last !== undefined && byPlace(last, candidate) < 0) return

  const at = best.findIndex((one) => byPlace(candidate, one) < 0)
  best.splice(at === -1 ? best.length : at, 0, candidate)
  if (best.length > countMax) best.pop()
}

function isMeasured({ estimate }: Scored): boolean {
  return estimate.measuredAt !== null
}
