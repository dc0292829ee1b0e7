/** So much of a second may go at once after a quiet moment: enough that a late timer costs nothing, too little to fill a queue. */
const BURST_SECONDS = 0.02
/** Where less than this could go at once, one packet's worth still can. */
const BURST_BYTES_MIN = 2048

/** Holds bytes back so that no more than `rate` a second go. */
export type Pacer = {
  /** Resolves when so many more bytes may go. */
  take: (bytes: number) => Promise<void>
  /** Bytes a second; Infinity holds nothing back. */
  setRate: (bytesPerSecond: number) => void
  rate: () => number
}

/**
 * A token bucket (RFC 2697, "committed burst size", without the excess one) shared by all connections of a transfer, first
 * come first served. What is taken may exceed the bucket: the next one then waits longer, so rates hold on average whatever
 * the size of a piece.
 */
export function createPacer(
  limit: number = Number.POSITIVE_INFINITY,
  clock: () => number = () => performance.now(),
): Pacer {
  let rate = limit
  /** When the bucket is level again (ms): before now, there is room; after it, there is debt. */
  let levelAt = clock()

  return {
    rate: () => rate,
    setRate: (bytesPerSecond) => {
      const now = clock()
      const debtMs = Math.max(0, levelAt - now)
      // A debt in bytes stays one, at the new pace.
      if (Number.isFinite(rate) && Number.isFinite(bytesPerSecond)) {
        levelAt = now + (debtMs * rate) / bytesPerSecond
      }
      rate = bytesPerSecond
    },
    take: async (bytes) => {
      if (!Number.isFinite(rate)) return
      const now = clock()
      const burstMs = Math.max(BURST_SECONDS, BURST_BYTES_MIN / rate) * 1000
      const startAt = Math.max(levelAt, now - burstMs)
      levelAt = startAt + (bytes / rate) * 1000
      const waitMs = startAt - now
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    },
  }
}
