/** Where little is known: near relays fill most lines with so few. */
const CONNECTIONS_AT_FIRST = 4
/** So many near ones are soon there; more of them fill queues on the way more often than the line (measured, docs/benchmarks.md). */
const CONNECTIONS_SOON = 8
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
/** Beyond the first ones so many times more at once, after so long, in ms: what buffers swallow of new parts must not count as growth. */
const MORE_AT_ONCE = 1.5
const WATCH_MS_BEYOND = 2_000
/** Bytes a second at which one more connection delays nobody: a packet lasts a quarter of a millisecond. */
const FAST_LINE = 50e6 / 8
/** After growth came to nothing it is tried again after so long, with one more. */
const TRY_AGAIN_MS = 2_000
const TRY_AGAIN_MS_BEYOND = 15_000
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
 * How many connections to use: doubles from 4 to 8 while that carries more, or where the line is so fast that it does no harm.
 * Beyond that, and beyond 12 on a far path, half as many more are tried, for seconds, and kept where they carry more.
 * What carried no more is taken back; after a while it is tried again. Halves when the store throttles.
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
      if (seen.rate > 0) state.notBefore ??= seen.now + watchMsOf(state)
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
  const { proven, wanted, ceiling } = state
  const isBeyond = wanted > CONNECTIONS_SOON
  const isHarmless = rate >= FAST_LINE && !isBeyond
  if (wanted > proven && !isHarmless && rate < state.rateBefore * enoughGrowth(state)) {
    state.wanted = proven
    state.isDoubling = false
    state.notBefore = now + (isBeyond ? TRY_AGAIN_MS_BEYOND : TRY_AGAIN_MS)
    return
  }
  // What comes next is compared with a rate that has settled, too.
  const isSettled = wanted === proven || wanted < CONNECTIONS_SOON
  state.proven = Math.min(wanted, ceiling)
  state.wanted = state.proven
  if (isSettled && mayGrow(state, seen)) state.wanted = Math.min(ceiling, nextAfter(state))
  state.rateBefore = rate
  state.notBefore = now + watchMsOf(state)
}

function watchMsOf({ proven, watchMs }: State): number {
  return proven < CONNECTIONS_SOON ? watchMs : WATCH_MS_BEYOND
}

function enoughGrowth({ wanted, proven, isDoubling }: State): number {
  const isOneMore = !isDoubling && wanted <= CONNECTIONS_SOON
  return isOneMore ? 1 + GROWTH_OF_ONE / proven : GROWTH
}

function nextAfter({ proven, isDoubling }: State): number {
  if (proven >= CONNECTIONS_SOON) return Math.ceil(proven * MORE_AT_ONCE)
  return isDoubling ? Math.min(CONNECTIONS_SOON, proven * 2) : proven + 1
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
