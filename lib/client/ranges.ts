import type { Range } from './wire.ts'

/** Every number of inclusive ranges, ascending as given. */
export function numbersOf(ranges: Range[]): number[] {
  return ranges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i),
  )
}

/** The numbers 1 to `count` that no range holds. */
export function missingOf(ranges: Range[], count: number): number[] {
  const held = new Set(numbersOf(ranges))
  return Array.from({ length: count }, (_, i) => i + 1).filter((number) => !held.has(number))
}

/** Ascending numbers as inclusive ranges. */
export function rangesOf(numbers: number[]): Range[] {
  const ranges: Range[] = []
  for (const number of numbers) {
    const last = ranges.at(-1)
    if (last && last[1] === number - 1) last[1] = number
    else ranges.push([number, number])
  }
  return ranges
}
