import type { EngineOptions, State } from './engine-state.ts'
import { HEAD_START_BYTES } from './flight.ts'

/** Above this, in bytes a second, a full queue delays others too little to matter, and timers are too coarse to help. */
const SLOW_LINE = 50e6 / 8
/** Other traffic of the line may wait so much longer, in ms: below that the line is idle now and then, above it a queue stands. */
const DELAY_MS = { low: 8, high: 18 }
const PING_EVERY_MS = 100
/** On a line that needs no care. */
const PING_EVERY_MS_FAST = 1_000
/** Of the last so many pings the fastest counts: one that met a busy moment of this machine says nothing about the line. */
const PINGS = 3
/** While a queue drains, so much less; it is looked at again when it should be gone, in ms. */
const LESS = 0.94
const DRAIN_MS = { least: 300, most: 1_000 }
/** Of what a line carried while its queue stood, so much at once when that is gone; up to so much it is approached slowly. */
const NEARLY = { from: 1, to: 1.05 }
/** With each ping of an idle line so much more; far from what it carries twice as much after every so many pings, up to `MORE_MAX`. */
const MORE = 0.005
const MORE_MAX = 0.08
const PINGS_UNTIL_TWICE = 4
/** What is not used of a rate is no reason for a higher one. */
const USED = 0.8
const RATE_MIN = 32 * 1024

/** What the attempts under way carry: bytes a second, and how many each of them has handed over. */
type Seen = { rate: number; handedOver: number[]; now: number }

export type Line = { observe: (state: Pick<State, 'pacer' | 'routes'>, seen: Seen) => void }

/** What is known of the line. */
type Known = {
  /** Bytes a second now, and whether buffers of new parts are a small share of what that was taken from. */
  rate: number
  isSure: boolean
  /** A round trip at best, and the last ones, in ms. */
  base: number
  recent: number[]
  /** What the line carried when its queue last stood. The first time that is hardly more than a guess. */
  line: number
  isGuess: boolean
  /** The queue is gone since it was last drained. */
  isIdle: boolean
  /** How many times in a row it was idle, far from that. */
  calm: number
  lookAgainAt: number
}

/**
 * Keeps a slow uplink usable for others: a queue in a router at home holds seconds of it, and any number of TCP streams fills
 * it. Where round trips to the nearest relay, measured beside the transfer, grow by more than 18 ms, bytes are handed over a
 * little more slowly than they leave until the queue should be gone; below 8 ms a little faster with each (the idea of LEDBAT, RFC 6817,
 * with the round trip in place of the one-way delay). Without `ping`, or on a fast line, nothing is held back.
 */
export function createLine({
  ping,
  bytesPerSecondMax = Number.POSITIVE_INFINITY,
}: EngineOptions): Line {
  const known: Known = {
    rate: 0,
    isSure: false,
    base: Number.POSITIVE_INFINITY,
    recent: [],
    line: 0,
    isGuess: true,
    isIdle: true,
    calm: 0,
    lookAgainAt: 0,
  }
  let askedAt = 0
  let isAsking = false

  async function ask(pacer: State['pacer'], url: string): Promise<void> {
    isAsking = true
    const answer = await ping?.(url).catch(() => null)
    isAsking = false
    if (!answer) return
    known.base = Math.min(known.base, answer.leastMs)
    known.recent = [...known.recent, answer.ms].slice(-PINGS)
    pacer.setRate(Math.min(bytesPerSecondMax, nextRate(known, pacer.rate(), performance.now())))
  }

  return {
    observe: ({ pacer, routes }, { rate, handedOver, now }) => {
      known.rate = rate
      known.isSure ||= isMeasured(handedOver)
      const url = routes.find(({ urls, active }) => urls.length > 0 && active > 0)?.urls[0]
      const everyMs = rate > SLOW_LINE ? PING_EVERY_MS_FAST : PING_EVERY_MS
      if (!ping || !url || isAsking || now - askedAt < everyMs) return
      askedAt = now
      void ask(pacer, url)
    },
  }
}

/** Whether what kernels took of new parts is at most half of the figure. */
function isMeasured(handedOver: number[]): boolean {
  const bytes = handedOver.reduce((sum, each) => sum + each, 0)
  return bytes > 2 * HEAD_START_BYTES * handedOver.length
}

function nextRate(known: Known, held: number, now: number): number {
  const { rate, isSure, base, recent } = known
  if (rate > SLOW_LINE) return Number.POSITIVE_INFINITY
  if (!isSure || recent.length < PINGS) return held
  const delayMs = Math.min(...recent) - base
  if (delayMs > DELAY_MS.low) known.calm = 0
  if (delayMs > DELAY_MS.high)
    return now < known.lookAgainAt ? held : less(known, held, { now, delayMs })
  if (delayMs > DELAY_MS.low || rate < held * USED) return held
  return more(known, held)
}

function less(known: Known, held: number, { now, delayMs }: { now: number; delayMs: number }) {
  const drainMs = delayMs / (1 - LESS)
  known.lookAgainAt = now + Math.min(DRAIN_MS.most, Math.max(DRAIN_MS.least, drainMs))
  // While one drains, the rate says only what it was set to.
  if (known.isIdle) known.line = Math.min(held, known.rate)
  if (known.isIdle) known.isGuess = !Number.isFinite(held)
  known.isIdle = false
  return Math.max(RATE_MIN, Math.min(held, known.rate) * LESS)
}

function more(known: Known, held: number): number {
  const { line, isGuess } = known
  known.isIdle = true
  const nearly = line * NEARLY.from
  if (held < nearly) return nearly
  const isNear = !isGuess && held <= line * NEARLY.to
  known.calm = isNear ? 0 : known.calm + 1
  return held * (1 + Math.min(MORE_MAX, MORE * 2 ** Math.floor(known.calm / PINGS_UNTIL_TWICE)))
}
