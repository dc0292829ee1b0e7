import type { Edge } from './catalogue.ts'
import { estimatePath, type Known } from './estimate.ts'
import { DIRECT } from './measurement.ts'

/** Paths measured within this of the newest one were measured over the same line. */
const SAME_LINE_MS = 30 * 60 * 1000

type Places = {
  edges: Edge[]
  distanceTo: (edge: Edge) => number | null
  directKm: number | null
}

/**
 * What the account's own line lets one connection carry, in Mbit/s: the most that is expected of the paths it measured
 * lately; Infinity where it measured none. A slow line is slow everywhere, so no path may be expected to carry more:
 * otherwise those it tried would look worse than those it never did.
 */
export function lineMbps(known: Known, { edges, distanceTo, directKm }: Places): number {
  const lately = measuredLately(known)
  if (lately.size === 0) return Number.POSITIVE_INFINITY

  for (const edge of edges) {
    if (!lately.has(edge.id)) continue
    lately.set(edge.id, estimatePath(edge.id, distanceTo(edge), known).throughputMbps)
  }
  if (lately.has(DIRECT)) {
    lately.set(DIRECT, estimatePath(DIRECT, directKm, known).throughputMbps)
  }
  return Math.max(...lately.values())
}

/** As measured, for paths that are not offered now: there is nothing else to expect of them. */
function measuredLately({ standing }: Known): Map<string, number> {
  const measured = [...standing.own].flatMap(([id, { throughputMbps, measuredAt }]) =>
    throughputMbps === null ? [] : [{ id, throughputMbps, measuredAt }],
  )
  const newest = Math.max(...measured.map(({ measuredAt }) => measuredAt))
  const lately = measured.filter(({ measuredAt }) => measuredAt >= newest - SAME_LINE_MS)
  return new Map(lately.map(({ id, throughputMbps }) => [id, throughputMbps]))
}
