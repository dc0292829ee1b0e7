/** The retry ladder of Standard Webhooks after the first attempt: 10 attempts over three days. */
export const RETRY_SECONDS = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400] as const

const RETRY_AFTER_SECONDS_MAX = 86_400
/** Events that failed together do not all come back at the same moment. */
const JITTER = 0.1

/** How the receiver answered an attempt: a status, or why there is none. */
export type Attempt = { status: number | null; error: string | null; retryAfter: string | null }

/**
 * Seconds until an event is sent again after its attempt number `attempt` (from 1) failed; null when it was the last.
 * `Retry-After` can make it later, by up to 24 h, never sooner: a receiver in trouble would use the ladder up in minutes.
 */
export function secondsToRetry(attempt: number, retryAfter: string | null): number | null {
  const step = RETRY_SECONDS[attempt - 1]
  if (step === undefined) return null
  const wished = Math.min(secondsOf(retryAfter), RETRY_AFTER_SECONDS_MAX)
  return Math.max(step, wished) * (1 + Math.random() * JITTER)
}

/** `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3); anything else is 0. */
function secondsOf(retryAfter: string | null): number {
  if (retryAfter === null) return 0
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter)
  const date = Date.parse(retryAfter)
  return Number.isNaN(date) ? 0 : Math.max(0, (date - Date.now()) / 1000)
}
