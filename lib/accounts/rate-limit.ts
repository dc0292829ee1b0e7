import type { Rate } from '../http/rate-headers.ts'
import { Problem } from '../problem.ts'

const MINUTE_MS = 60_000

/**
 * Reads a cached account and counts the call against its limit, in one step. The generic cell rate algorithm (ITU-T I.371;
 * one number a key): a full minute's calls may come at once, and one more each `60 / limit` seconds after. A key that
 * is not cached counts nothing; a refused call neither.
 *
 * KEYS: the cached account (JSON with `callsPerMinute`), the key's bucket. Answers the account's JSON, remaining calls, ms
 * until all are back, ms until the next is allowed (0: this one is); nothing for a key that is not cached.
 */
export const COUNT_CALL = `
local account = redis.call('GET', KEYS[1])
if not account then return {} end
local limit = tonumber(string.match(account, '"callsPerMinute":(%d+)'))
if not limit or limit < 1 then return {account} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local step = ${MINUTE_MS} / limit
local full = math.max(now, tonumber(redis.call('GET', KEYS[2]) or '') or 0) + step
local wait = full - now - ${MINUTE_MS}
if wait > 0.5 then return {account, 0, math.ceil(full - step - now), math.ceil(wait)} end
redis.call('SET', KEYS[2], string.format('%.3f', full), 'PX', math.ceil(full - now))
return {account, math.floor((${MINUTE_MS} - (full - now)) / step + 0.001), math.ceil(full - now), 0}`

/** The script's numbers as a rate; null where nothing was counted. */
export function rateOf(limit: number, [remaining, resetMs, retryAfterMs]: unknown[]): Rate | null {
  const numbers = [remaining, resetMs, retryAfterMs].map(Number)
  const [left = Number.NaN, reset = 0, retry = 0] = numbers
  if (!numbers.every(Number.isFinite)) return null
  return { limit, remaining: left, resetSeconds: Math.ceil(reset / 1000), retryAfterMs: retry }
}

/** @throws Problem `rate-limited` where the call came too soon */
export function requireRoom({ limit, retryAfterMs }: Rate): void {
  if (retryAfterMs === 0) return
  const retryAfterSeconds = Math.ceil(retryAfterMs / 1000)
  throw new Problem(
    'rate-limited',
    `${limit} calls a minute are allowed; try again in ${retryAfterSeconds} s.`,
    { retryAfterSeconds },
  )
}
