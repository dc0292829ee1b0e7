const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 15_000

/**
 * How long to wait before attempt number `attempts` + 1, in ms: doubling from 250 ms to 15 s, with the upper half left
 * to chance ("equal jitter"), so that many clients of one outage do not come back together.
 */
export function backoffMs(attempts: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempts, 16))
  return full / 2 + (full / 2) * random()
}

/** A `Retry-After` header in ms: seconds or a date (RFC 9110, section 10.2.3); 0 where there is none. */
export function retryAfterMs(header: string | null | undefined, now = Date.now()): number {
  if (!header) return 0
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  const date = Date.parse(header)
  return Number.isNaN(date) ? 0 : Math.max(0, date - now)
}

/** Resolves after `ms`; rejects with the signal's reason when that comes first. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
