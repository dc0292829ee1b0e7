import { noteRate, type Rate } from '../http/rate-headers.ts'
import { Problem } from '../problem.ts'
import { redis, tryRedis } from '../redis/client.ts'

const MINUTE_MS = 60_000

/**
 * A Lua function that takes one call from a bucket that holds `limit` a minute. The generic cell rate algorithm (ITU-T I.371;
 * one number a bucket): a full minute's calls may come at once, and one more each `60 / limit` seconds after. A refused
 * call takes nothing. Gives remaining calls, ms until all are back, ms until the next is allowed (0: this one is).
 */
const TAKE = `
local function take(bucket, limit)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local step = ${MINUTE_MS} / limit
  local full = math.max(now, tonumber(redis.call('GET', bucket) or '') or 0) + step
  local wait = full - now - ${MINUTE_MS}
  if wait > 0.5 then return {0, math.ceil(full - step - now), math.ceil(wait)} end
  redis.call('SET', bucket, string.format('%.3f', full), 'PX', math.ceil(full - now))
  return {math.floor((${MINUTE_MS} - (full - now)) / step + 0.001), math.ceil(full - now), 0}
end`

/**
 * Reads what is cached of a key (KEYS[1]) and, where that is an account (JSON with `id` and `callsPerMinute`, 0 for no limit),
 * takes a call from the account's bucket, in one step. All keys of an account take from one bucket, whose name is known
 * only in here; Upstash locks all keys for a script that does not ask otherwise. Answers what is cached, then the numbers of
 * `take`; nothing for a key that is not cached.
 */
export const COUNT_CALL = `${TAKE}
local account = redis.call('GET', KEYS[1])
if not account then return {} end
local id = string.match(account, '"id":"([%x-]+)"')
local limit = tonumber(string.match(account, '"callsPerMinute":(%d+)'))
if not id or not limit or limit < 1 then return {account} end
local rate = take('jetty:rate:' .. id, limit)
return {account, rate[1], rate[2], rate[3]}`

/**
 * Caches an account (ARGV[1]) under KEYS[1] for ARGV[2] seconds, unless ARGV[3] stands there, and takes a call from KEYS[2],
 * which holds ARGV[4] a minute, refusing none.
 */
export const CACHE_AND_COUNT = `${TAKE}
if redis.call('GET', KEYS[1]) ~= ARGV[3] then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
if tonumber(ARGV[4]) > 0 then take(KEYS[2], tonumber(ARGV[4])) end`

/** Takes a call from KEYS[1], which holds ARGV[1] a minute. */
const TAKE_CALL = `${TAKE}
return take(KEYS[1], tonumber(ARGV[1]))`

/** The bucket of an account. */
export function bucketOf(accountId: string): string {
  return `jetty:rate:${accountId}`
}

/**
 * Counts a call of an account that was found without Redis. `limit` 0 is none. Redis 1; without it nothing is counted.
 *
 * @throws Problem `rate-limited`
 */
export async function countCall(request: Request, accountId: string, limit: number): Promise<void> {
  if (limit < 1) return
  const answer = await tryRedis(() =>
    redis.eval<string[], unknown>(TAKE_CALL, [bucketOf(accountId)], [String(limit)]),
  )
  requireRoom(request, rateOf(limit, Array.isArray(answer) ? answer : []))
}

/** The scripts' numbers as a rate; null where nothing was counted. */
export function rateOf(limit: number, [remaining, resetMs, retryAfterMs]: unknown[]): Rate | null {
  const numbers = [remaining, resetMs, retryAfterMs].map(Number)
  const [left = Number.NaN, reset = 0, retry = 0] = numbers
  if (!numbers.every(Number.isFinite)) return null
  return { limit, remaining: left, resetSeconds: Math.ceil(reset / 1000), retryAfterMs: retry }
}

/**
 * Keeps what is left for the answer's headers.
 *
 * @throws Problem `rate-limited` where the call came too soon
 */
export function requireRoom(request: Request, rate: Rate | null): void {
  if (rate === null) return
  noteRate(request, rate)
  if (rate.retryAfterMs === 0) return
  const retryAfterSeconds = Math.ceil(rate.retryAfterMs / 1000)
  throw new Problem(
    'rate-limited',
    `${rate.limit} calls a minute are allowed; try again in ${retryAfterSeconds} s.`,
    { retryAfterSeconds },
  )
}
