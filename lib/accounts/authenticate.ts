import { query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { insistOnRedis, redis, tryRedis } from '../redis/client.ts'
import { sql } from '../vendor/orm.js'
import { waitUntil } from '../vendor/platform.js'
import * as z from '../vendor/zod.js'
import { hashApiKey, isApiKey } from './api-key.ts'
import {
  bucketOf,
  CACHE_AND_COUNT,
  COUNT_CALL,
  countCall,
  rateOf,
  requireRoom,
} from './rate-limit.ts'

/** A revoked key ends within 60 s: what was cached just before lives for these, and a write that came late fits in. */
const CACHE_SECONDS = 50
/** What stands where an account was cached, once it changed; longer than anybody takes to write what was read before. */
const CHANGED = 'changed'
const CHANGED_SECONDS = 8

const FORGET = `
for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'EX', ARGV[2]) end`

const Account = z.object({
  id: z.uuid(),
  userId: z.string(),
  tier: z.string(),
  status: z.string(),
  callsPerMinute: z.int(),
})

/** Who is asking. Limits are read where they are decided, never from here. */
export type Account = z.infer<typeof Account>

/**
 * The account whose API key the request carries, with the call counted against its tier's limit. One Redis round trip; a
 * key not seen for a while adds one SQL and a write to Redis that nobody waits for, and is counted there, but not refused.
 * For seconds after its account changed it is one SQL and one Redis more. Without Redis nothing is limited.
 *
 * @throws Problem `unauthorized` without I/O for a missing or made-up key, after it for a revoked or expired one;
 *   `account-suspended` or `account-deleted` for one that may not act; `rate-limited`
 */
export async function authenticate(request: Request): Promise<Account> {
  const apiKey = bearerOf(request)
  if (apiKey === null || !isApiKey(apiKey)) throw unauthorized()

  const keyHash = hashApiKey(apiKey)
  const cached = await readCached(request, keyHash)
  const account = cached === null || cached === CHANGED ? await readStored(keyHash) : cached
  if (!account) throw unauthorized()
  if (cached === CHANGED) await countCall(request, account.id, account.callsPerMinute)
  if (cached === null) waitUntil(cacheAndCount(keyHash, account))
  requireActive(account.status)
  return account
}

/** @throws Problem `account-suspended`, `account-deleted` */
export function requireActive(status: string): void {
  if (status === 'active') return
  throw new Problem(
    status === 'deleted' ? 'account-deleted' : 'account-suspended',
    `This account is ${status}; ask whoever provides it.`,
  )
}

/**
 * Forgets what is cached of keys, so that a change counts at once: who read the account before it cannot cache it after.
 * Redis 1 where there are any.
 */
export async function forgetApiKeys(keyHashes: readonly string[]): Promise<void> {
  if (keyHashes.length === 0) return
  await insistOnRedis(() =>
    redis.eval<string[], unknown>(FORGET, keyHashes.map(cacheKey), [CHANGED, `${CHANGED_SECONDS}`]),
  )
}

function bearerOf(request: Request): string | null {
  const header = request.headers.get('authorization') ?? ''
  return /^Bearer +(\S+)$/i.exec(header)?.[1] ?? null
}

async function readCached(
  request: Request,
  keyHash: string,
): Promise<Account | typeof CHANGED | null> {
  const answer = await tryRedis(() => redis.eval<[], unknown>(COUNT_CALL, [cacheKey(keyHash)], []))
  const [text, ...counted] = Array.isArray(answer) ? answer : []
  if (text === CHANGED) return CHANGED
  const account = typeof text === 'string' ? readAccount(text) : null
  if (account) requireRoom(request, rateOf(account.callsPerMinute, counted))
  return account
}

/** What another version wrote, or anything else that is not an account, counts as nothing cached. */
function readAccount(text: string): Account | null {
  try {
    return z.safeParse(Account, JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

async function readStored(keyHash: string): Promise<Account | null> {
  const [row] = await query(sql`
    SELECT a.id, a.agentcache_user_id, a.agentcache_tier, a.status, t.rate_limit_per_minute
    FROM api_keys k JOIN agentcache_accounts a ON a.id = k.account_id JOIN tier_configs t ON t.tier = a.agentcache_tier
    WHERE k.key_hash = ${keyHash} AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())`)
  return row ? accountOf(row) : null
}

async function cacheAndCount(keyHash: string, account: Account): Promise<void> {
  const keys = [cacheKey(keyHash), bucketOf(account.id)]
  const told = [JSON.stringify(account), `${CACHE_SECONDS}`, CHANGED, `${account.callsPerMinute}`]
  await tryRedis(() => redis.eval<string[], unknown>(CACHE_AND_COUNT, keys, told))
}

function accountOf(row: Row): Account {
  return {
    id: column.text(row, 'id'),
    userId: column.text(row, 'agentcache_user_id'),
    tier: column.text(row, 'agentcache_tier'),
    status: column.text(row, 'status'),
    callsPerMinute: column.number(row, 'rate_limit_per_minute'),
  }
}

function cacheKey(keyHash: string): string {
  return `jetty:key:${keyHash}`
}

function unauthorized(): Problem {
  return new Problem('unauthorized', 'Send the API key as "Authorization: Bearer jt_live_…".')
}
