import { query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { redis, tryRedis } from '../redis/client.ts'
import { sql } from '../vendor/orm.js'
import { waitUntil } from '../vendor/platform.js'
import * as z from '../vendor/zod.js'
import { hashApiKey, isApiKey } from './api-key.ts'

/** How long a key may still be accepted after its account changed, in seconds. */
const CACHE_SECONDS = 60

const Account = z.object({
  id: z.uuid(),
  userId: z.string(),
  tier: z.string(),
  status: z.string(),
})

/** Who is asking. Limits are read where they are decided, never from here. */
export type Account = z.infer<typeof Account>

/**
 * The account whose API key the request carries. One Redis round trip; a key not seen for a minute adds one SQL,
 * and a write to Redis that nobody waits for.
 *
 * @throws Problem `unauthorized` without I/O for a missing or made-up key, after it for a revoked or expired one;
 *   `account-suspended` for one that may not act
 */
export async function authenticate(request: Request): Promise<Account> {
  const apiKey = bearerOf(request)
  if (apiKey === null || !isApiKey(apiKey)) throw unauthorized()

  const keyHash = hashApiKey(apiKey)
  const account = (await readCached(keyHash)) ?? (await readAndCache(keyHash))
  if (!account) throw unauthorized()
  if (account.status !== 'active') {
    throw new Problem(
      'account-suspended',
      `This account is ${account.status}; ask whoever provides it.`,
    )
  }
  return account
}

/** Forgets what is cached of a key, so that a change counts at once. */
export async function forgetApiKey(keyHash: string): Promise<void> {
  await tryRedis(() => redis.del(cacheKey(keyHash)))
}

function bearerOf(request: Request): string | null {
  const header = request.headers.get('authorization') ?? ''
  return /^Bearer +(\S+)$/i.exec(header)?.[1] ?? null
}

async function readCached(keyHash: string): Promise<Account | null> {
  const text = await tryRedis(() => redis.get<string>(cacheKey(keyHash)))
  return text === null ? null : readAccount(text)
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
    SELECT a.id, a.agentcache_user_id, a.agentcache_tier, a.status
    FROM api_keys k JOIN agentcache_accounts a ON a.id = k.account_id
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
  }
}

function cacheKey(keyHash: string): string {
  return `jetty:key:${keyHash}`
}

function unauthorized(): Problem {
  return new Problem('unauthorized', 'Send the API key as "Authorization: Bearer jt_live_…".')
}
