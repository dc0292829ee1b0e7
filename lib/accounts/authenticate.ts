import { query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { noteRate } from '../http/rate-headers.ts'
import { Problem } from '../problem.ts'
import { redis, tryRedis } from '../redis/client.ts'
import { sql } from '../vendor/orm.js'
import { waitUntil } from '../vendor/platform.js'
import * as z from '../vendor/zod.js'
import { hashApiKey, isApiKey } from './api-key.ts'
import { COUNT_CALL, rateOf, requireRoom } from './rate-limit.ts'

/** How long a key may still be accepted after its account changed, in seconds. */
const CACHE_SECONDS = 60

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
 * key not seen for a minute adds one SQL, a write to Redis that nobody waits for, and is not counted. Without Redis
 * nothing is limited.
 *
 * @throws Problem `unauthorized` without I/O for a missing or made-up key, after it for a revoked or expired one;
 *   `account-suspended` or `account-deleted` for one that may not act; `rate-limited`
 */
export async function authenticate(request: Request): Promise<Account> {
  const apiKey = bearerOf(request)
  if (apiKey === null || !isApiKey(apiKey)) throw unauthorized()

  const keyHash = hashApiKey(apiKey)
  const account = (await readCached(request, keyHash)) ?? (await readAndCache(keyHash))
  if (!account) throw unauthorized()
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

/** Forgets what is cached of keys, so that a change counts at once. Redis 1 where there are any. */
export async function forgetApiKeys(keyHashes: readonly string[]): Promise<void> {
  if (keyHashes.length > 0) await tryRedis(() => redis.del(...keyHashes.map(cacheKey)))
}

function bearerOf(request: Request): string | null {
  const header = request.headers.get('authorization') ?? ''
  return /^Bearer +(\S+)$/i.exec(header)?.[1] ?? null
}

async function readCached(request: Request, keyHash: string): Promise<Account | null> {
  const keys = [cacheKey(keyHash), `jetty:rate:${keyHash}`]
  const answer = await tryRedis(() => redis.eval<[], unknown>(COUNT_CALL, keys, []))
  const [text, ...counted] = Array.isArray(answer) ? answer : []
  const account = typeof text === 'string' ? readAccount(text) : null
  const rate = account && rateOf(account.callsPerMinute, counted)
  if (rate) {
    noteRate(request, rate)
    requireRoom(rate)
  }
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

async function readAndCache(keyHash: string): Promise<Account | null> {
  const [row] = await query(sql`
    SELECT a.id, a.agentcache_user_id, a.agentcache_tier, a.status, t.rate_limit_per_minute
    FROM api_keys k JOIN agentcache_accounts a ON a.id = k.account_id JOIN tier_configs t ON t.tier = a.agentcache_tier
    WHERE k.key_hash = ${keyHash} AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())`)
  if (!row) return null

  const account = accountOf(row)
  waitUntil(
    tryRedis(() => redis.set(cacheKey(keyHash), JSON.stringify(account), { ex: CACHE_SECONDS })),
  )
  return account
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
