/** A source of chance that gives the same numbers again for the same seed. */
export type Random = {
  /** From 0 to below 1. */
  next(): number
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T | undefined
  /** One of several names, as often as its weight says. */
  weighted<Name extends string>(weights: readonly (readonly [Name, number])[]): Name
  /** Waits between independent events that come every `mean` on average. */
  exponential(mean: number): number
}

/** Mulberry32 (Tommy Ettinger): 32 bits of state, good enough to mix traffic. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (list) => list[below(list.length)],
    weighted(weights) {
      let left = next() * weights.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [name, weight] of weights) {
        left -= weight
        if (left < 0) return name
      }
      const [[first]] = nonEmpty(weights)
      return first
    },
    exponential: (mean) => -Math.log(1 - next()) * mean,
  }
}

function nonEmpty<T>(list: readonly T[]): readonly [T, ...T[]] {
  const [first, ...rest] = list
  if (first === undefined) throw new RangeError('nothing to choose from')
  return [first, ...rest]
}
