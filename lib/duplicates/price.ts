const GIB = 1024 ** 3

/** What storing a GiB for a month is taken to cost: the price that the old system's savings stood on. */
export const USD_PER_GIB = 0.1

/** What these bytes cost to store for a month, in USD with four decimals. */
export function usdOf(bytes: number): number {
  return Math.round((bytes / GIB) * USD_PER_GIB * 10_000) / 10_000
}
