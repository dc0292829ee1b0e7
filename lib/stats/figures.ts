const GIB = 1024 ** 3

/** Bytes over milliseconds as Mbit/s, two decimals; null where no time was spent. */
export function megabitsPerSecond(bytes: number, ms: number): number | null {
  return ms > 0 ? rounded((bytes * 8) / ms / 1000, 2) : null
}

/** A share in percent, two decimals; null of nothing. */
export function percentOf(part: number, whole: number): number | null {
  return whole > 0 ? rounded((part / whole) * 100, 2) : null
}

/** Bytes as GiB, three decimals: for people, the bytes are what counts. */
export function gibibytes(bytes: number): number {
  return rounded(bytes / GIB, 3)
}

/** A number with so many decimals. */
export function rounded(value: number, decimals: number): number {
  return Math.round(value * 10 ** decimals) / 10 ** decimals
}
