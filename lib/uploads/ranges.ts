/** Inclusive ranges of part numbers. */
export type Ranges = [first: number, last: number][]

/** Part numbers as ranges: 1,2,3,7 is [[1,3],[7,7]]. Any order, no repeats. */
export function rangesOf(partNumbers: readonly number[]): Ranges {
  const ranges: Ranges = []
  for (const partNumber of [...partNumbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && last[1] === partNumber - 1) last[1] = partNumber
    else ranges.push([partNumber, partNumber])
  }
  return ranges
}

/** The part numbers 1…`partCount` that are not in `present`. */
export function partsWithout(partCount: number, present: readonly number[]): number[] {
  const known = new Set(present)
  return Array.from({ length: partCount }, (_, index) => index + 1).filter((n) => !known.has(n))
}
