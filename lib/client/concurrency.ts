/** Where little is known: near relays fill most lines with so few. */
const CONNECTIONS_AT_FIRST = 4
/**
 * A far connection is held back by its window, not by the line, and each round trip of waiting is dear: so many at once on
 * a path whose round trip is `FAR_MS` or more (measured: 12 kept connections carry a long path's most, docs/benchmarks.md).
 */
const CONNECTIONS_WHEN_FAR = 12
const FAR_MS = 40
/** One more far connection opens its window for seconds; it is worth that where so many parts wait for each one there is. */
const PARTS_BEFORE_MORE_WHEN_FAR = 2
/** How long one number of connections is watched before the next; at least a round trip and a half. */
const WATCH_MS = 75
const WATCH_MS_MAX = 400
const ROUND_TRIPS_WATCHED = 1.5
/** More connections must carry so much more, or they only wait for each other. */
const GROWTH = 1.1
/** One more among n must carry at least half of what one of them did. */
const GROWTH_OF_ONE = 0.5
/** Bytes a second at which one more connection delays nobody: a packet lasts a quarter of a millisecond. */
const FAST_LINE = 50e6 / 8
/** After growth came to nothing it is tried again after so long, with one more. */
const TRY_AGAIN_MS = 2_000
/** After a store said that it is too much. */
const THROTTLED_MS = 2_000

export type Concurrency = {
  /** Connections that may be open now: none until the ceiling is known. */
  allowed: () => number
  /** The most that will ever be: the tier's number, or the user's. */
  setCeiling: (ceiling: number) => void
  /** The way is long, as straight to a store: begins with more. */
  expectFar: () => void
  /** A first round trip of a path that carries parts, in ms. */
  sawRoundTrip: (ms: number) => void
  /** Bytes a second now, whether all allowed connections are in use, and how many parts wait for one. */
  observe: (seen: Seen) => void
  /** The store or a relay asked to slow down: half as many. */
  throttle: (now: number) => void
}

type Seen = { now: number; rate: number; isFull: boolean; pending: number }

type State = {
  isFar: boolean
  ceiling: number
  /** So many have shown that they carry more than fewer; `wanted` are being tried. */
  proven: number
  wanted: number
  rateBefore: number
  isDoubling: boolean
  watchMs: number
  /** Nothing changes before; undefined until something moves. */
  notBefore?: number
  throttledUntil: number
}

/**
 * How many connections to use: doubles from 4 (12 on a far path) while that carries more, or where the line is so fast that it
 * does no harm. What carried no more is taken back; after a while one more is tried. Halves when the store throttles.
 */
export function createConcurrency(): Concurrency {
  const state: State = {
    isFar: false,
    ceiling: 0,
    proven: CONNECTIONS_AT_FIRST,
    wanted: CONNECTIONS_AT_FIRST,
    rateBefore: 0,
    isDoubling: true,
    watchMs: WATCH_MS,
    throttledUntil: 0,
  }
  return {
    allowed: () => Math.min(state.wanted, state.ceiling),
    setCeiling: (most) => {
      state.ceiling = Math.max(1, most)
    },
    expectFar: () => expectFar(state),
    sawRoundTrip: (ms) => {
      state.watchMs = Math.min(WATCH_MS_MAX, Math.max(WATCH_MS, ms * ROUND_TRIPS_WATCHED))
      if (ms >= FAR_MS && state.notBefore === undefined) expectFar(state)
    },
    observe: (seen) => {
      if (seen.rate > 0) state.notBefore ??= seen.now + state.watchMs
      if (state.notBefore === undefined || seen.now < state.notBefore || !seen.isFull) return
      if (state.wanted > state.proven || mayGrow(state, seen)) step(state, seen)
    },
    throttle: (now) => throttle(state, now),
  }
}

function mayGrow({ isFar, wanted, ceiling }: State, { pending }: Seen): boolean {
  return wanted < ceiling && (!isFar || pending >= wanted * PARTS_BEFORE_MORE_WHEN_FAR)
}

function step(state: State, seen: Seen): void {
  const { now, rate } = seen
  const { proven, wanted, rateBefore, isDoubling, ceiling } = state
  const enough = rateBefore * (isDoubling ? GROWTH : 1 + GROWTH_OF_ONE / proven)
  if (wanted > proven && rate < FAST_LINE && rate < enough) {
    state.wanted = proven
    state.isDoubling = false
    state.notBefore = now + TRY_AGAIN_MS
    return
  }
  state.proven = Math.min(wanted, ceiling)
  const more = isDoubling ? state.proven : 1
  state.wanted = Math.min(ceiling, state.proven + (mayGrow(state, seen) ? more : 0))
  state.rateBefore = rate
  state.notBefore = now + state.watchMs
}

function expectFar(state: State): void {
  state.isFar = true
  state.proven = Math.max(state.proven, CONNECTIONS_WHEN_FAR)
  state.wanted = Math.max(state.wanted, state.proven)
}

function throttle(state: State, now: number): void {
  if (now < state.throttledUntil) return
  state.proven = Math.max(1, Math.floor(Math.min(state.wanted, state.ceiling) / 2))
  state.wanted = state.proven
  state.isDoubling = false
  state.throttledUntil = now + THROTTLED_MS
  state.notBefore = state.throttledUntil
}
