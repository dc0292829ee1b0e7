import type { PathTiming } from '../edges/measurement.ts'
import type { Timing } from './fields.ts'

/** A batch of timings added up for each path, in the order in which the paths come first. */
export function sumTimings(timings: readonly Timing[]): PathTiming[] {
  const byEdge = new Map<string, Timing[]>()
  for (const timing of timings) {
    const others = byEdge.get(timing.edgeId)
    if (others) others.push(timing)
    else byEdge.set(timing.edgeId, [timing])
  }
  return [...byEdge].map(([edgeId, ofEdge]) => sumOf(edgeId, ofEdge))
}

function sumOf(edgeId: string, timings: Timing[]): PathTiming {
  const failures = timings.filter(({ failed }) => failed).length
  return {
    edgeId,
    parts: timings.length - failures,
    bytes: sum(timings.map(({ bytes }) => bytes)),
    busyMs: Math.round(sum(timings.map(({ durationMs }) => durationMs))),
    failures,
    failuresInRow: timings.length - 1 - timings.findLastIndex(({ failed }) => !failed),
    latencyMs: median(timings.flatMap(({ latencyMs }) => latencyMs ?? [])),
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

function median(numbers: number[]): number | null {
  const sorted = [...numbers].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.floor((sorted.length - 1) / 2)]
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2
}
