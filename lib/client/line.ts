import type { EngineOptions, State } from './engine-state.ts'

/** Above this, in bytes a second, a full queue delays others too little to matter, and timers are too coarse to help. */
const SLOW_LINE = 50e6 / 8
/** Other traffic of the line may wait so much longer, in ms: below that the line is idle now and then, above it is flooded. */
const DELAY_MS = { low: 12, high: 25 }
const PING_EVERY_MS = 100
/** On a line that needs no care. */
const PING_EVERY_MS_FAST = 1_000
/** Of the last so many pings the fastest counts: one that met a busy moment of this machine says nothing about the line. */
const PINGS = 3
const LESS = 0.92
const MORE = 1.04
const RATE_MIN = 32 * 1024

export type Line = { observe: (state: State, bytesPerSecond: number) => void }

/**
 * Keeps a slow uplink usable for others: a queue in a router at home holds seconds of it, and any number of TCP streams fills
 * it. Where round trips to the nearest relay, measured beside the transfer, grow by more than 25 ms, bytes are handed over a
 * little more slowly than they were taken; below 12 ms a little faster (the idea of LEDBAT, RFC 6817, with the
 * round trip in place of the one-way delay). Without `ping`, or on a fast line, nothing is held back.
 */
export function createLine({
  ping,
  bytesPerSecondMax = Number.POSITIVE_INFINITY,
}: EngineOptions): Line {
  let base = Number.POSITIVE_INFINITY
  let recent: number[] = []
  let askedAt = 0
  let isAsking = false

  async function ask(state: State, url: string): Promise<void> {
    isAsking = true
    const ms = await ping?.(url).catch(() => null)
    isAsking = false
    if (ms === null || ms === undefined) return
    base = Math.min(base, ms)
    recent = [...recent, ms].slice(-PINGS)
    state.pacer.setRate(Math.min(bytesPerSecondMax, paced(state)))
  }

  let rate = 0
  function paced({ pacer }: State): number {
    if (rate > SLOW_LINE || recent.length < PINGS) return Number.POSITIVE_INFINITY
    const delayMs = Math.min(...recent) - base
    const held = pacer.rate()
    if (delayMs > DELAY_MS.high) return Math.max(RATE_MIN, Math.min(held, rate) * LESS)
    if (delayMs < DELAY_MS.low && Number.isFinite(held)) return held * MORE
    return held
  }

  return {
    observe: (state, bytesPerSecond) => {
      rate = bytesPerSecond
      const url = state.routes.find(({ urls, active }) => urls.length > 0 && active > 0)?.urls[0]
      const now = performance.now()
      if (
        !ping ||
        !url ||
        isAsking ||
        now - askedAt < (rate > SLOW_LINE ? PING_EVERY_MS_FAST : PING_EVERY_MS)
      )
        return
      askedAt = now
      void ask(state, url)
    },
  }
}
