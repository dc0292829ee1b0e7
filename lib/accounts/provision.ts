import { query } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { sql } from '../vendor/orm.js'
import { hashApiKey, newApiKey } from './api-key.ts'
import type { Account } from './authenticate.ts'

/** What a new account is made of. `userId`: 1–128 of `[A-Za-z0-9_.:@-]`, not `.` or `..`. */
export type NewAccount = { userId: string; email: string; tier: string }

const USER_ID = /^(?!\.{1,2}$)[A-Za-z0-9_.:@-]{1,128}$/

/**
 * Makes an account and its first API key in one statement. Only the key's hash is kept, so this answer is the one
 * place where the key can be read.
 *
 * @throws Problem `invalid-request` for an unusable user id, or where the account exists
 */
export async function createAccount(
  wanted: NewAccount,
): Promise<{ account: Account; apiKey: string }> {
  if (!USER_ID.test(wanted.userId)) {
    throw new Problem(
      'invalid-request',
      'A user id is 1 to 128 of A-Z a-z 0-9 _ . : @ -, and not "." or "..".',
    )
  }
  const apiKey = newApiKey()
  const [row] = await query(sql`
    WITH account AS (
      INSERT INTO agentcache_accounts (agentcache_user_id, agentcache_email, agentcache_tier)
      VALUES (${wanted.userId}, ${wanted.email}, ${wanted.tier})
      ON CONFLICT (agentcache_user_id) DO NOTHING
      RETURNING id, status
    ), key AS (
      INSERT INTO api_keys (key_hash, account_id) SELECT ${hashApiKey(apiKey)}, id FROM account
    )
    SELECT id, status, rate_limit_per_minute FROM account JOIN tier_configs ON tier = ${wanted.tier}`)
  if (!row)
    throw new Problem('invalid-request', `The user ${wanted.userId} has an account already.`)

  const account = {
    id: column.text(row, 'id'),
    userId: wanted.userId,
    tier: wanted.tier,
    status: column.text(row, 'status'),
    callsPerMinute: column.number(row, 'rate_limit_per_minute'),
  }
  return { account, apiKey }
}
