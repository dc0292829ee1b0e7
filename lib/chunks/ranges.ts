import type { Ranges } from '../uploads/ranges.ts'

/** Ranges in order, without overlap; any that were given. */
export function mergeRanges(ranges: Ranges): Ranges {
  const merged: Ranges = []
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = merged.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else merged.push([first, last])
  }
  return merged
}

/** How many numbers are in ranges that do not overlap. */
export function countOf(ranges: Ranges): number {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)
}

/** The numbers in ranges, one by one; compare the last one with what there is before asking for all of them. */
export function membersOf(ranges: Ranges): number[] {
  return ranges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  )
}
