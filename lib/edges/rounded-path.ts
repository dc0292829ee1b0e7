import type { RankedPath } from './rank.ts'

/** A path as it is answered: whole kilometres and seconds, tenths of ms, percent and Mbit/s, four digits of shares. */
export function roundedPath(path: RankedPath): RankedPath {
  return {
    ...path,
    score: round(path.score, 4),
    weight: round(path.weight, 4),
    distanceKm: path.distanceKm === null ? null : round(path.distanceKm, 0),
    latencyMs: round(path.latencyMs, 1),
    loadPercent: path.loadPercent === null ? null : round(path.loadPercent, 1),
    throughputMbps: round(path.throughputMbps, 1),
    errorRate: round(path.errorRate, 4),
    ageSeconds: path.ageSeconds === null ? null : round(path.ageSeconds, 0),
  }
}

function round(value: number, digits: number): number {
  const unit = 10 ** digits
  return Math.round(value * unit) / unit
}
