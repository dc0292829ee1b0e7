import { performance } from 'node:perf_hooks'
import type { RelayStats } from './serve.ts'

const BITS_PER_MEGABIT = 1_000_000
/** Over less than this, shares of time say nothing: in the instant of a start, a thread is always busy. */
const SECONDS_MIN = 1

/** What a relay can do at most: clients at once and, where its operator said so, Mbit/s of its line. */
export type Capacity = { connectionsMax: number; lineMbps?: number }

/** How busy a relay was since the last reading. `activeUploads` are the requests under way now, in either direction. */
export type Load = { loadPercent: number; activeUploads: number; throughputMbps: number }

/**
 * Reads how busy a relay is. Its load is the tightest of what limits it: requests under way of the clients it takes, the
 * share of the time that its one thread was busy (Node's event loop utilization), and the share of its line where that
 * is known. Readings cover the time since the one before, if that was a second ago.
 */
export function readingLoad(stats: () => RelayStats, capacity: Capacity): () => Load {
  const { connectionsMax, lineMbps = Number.POSITIVE_INFINITY } = capacity
  let before = { at: performance.now(), bytes: bytesOf(stats()), busy: thread() }
  return () => {
    const { activeRequests, ...tally } = stats()
    const now = { at: performance.now(), bytes: bytesOf(tally), busy: thread() }
    const seconds = (now.at - before.at) / 1000
    const isLong = seconds >= SECONDS_MIN
    const throughputMbps = isLong
      ? ((now.bytes - before.bytes) * 8) / BITS_PER_MEGABIT / seconds
      : 0
    const busyShare = isLong
      ? performance.eventLoopUtilization(now.busy, before.busy).utilization
      : 0
    if (isLong) before = now

    const load = Math.max(
      activeRequests / Math.max(1, connectionsMax),
      busyShare,
      throughputMbps / lineMbps,
    )
    return {
      loadPercent: round(Math.min(1, load) * 100),
      activeUploads: activeRequests,
      throughputMbps: round(throughputMbps),
    }
  }
}

function thread() {
  return performance.eventLoopUtilization()
}

function bytesOf({ bytesUp, bytesDown }: Pick<RelayStats, 'bytesUp' | 'bytesDown'>): number {
  return bytesUp + bytesDown
}

/** To the tenth. */
function round(value: number): number {
  return Math.round(value * 10) / 10
}
