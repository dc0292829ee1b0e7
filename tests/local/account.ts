import { randomUUID } from 'node:crypto'
import { createAccount } from '../../lib/accounts/provision.ts'
import { query } from '../../lib/db/client.ts'
import { sql } from '../../lib/vendor/orm.js'

export type TestAccount = { apiKey: string; userId: string; accountId: string; tier: string }

export type TestAccountOptions = {
  /** One of the five; `pro` unless given. */
  tier?: string
  /** How many bytes still fit; the rest of the tier's quota counts as used. */
  bytesLeft?: number
}

/** A new account of its own for a test. */
export async function anAccount(options: TestAccountOptions = {}): Promise<TestAccount> {
  const { tier = 'pro', bytesLeft } = options
  const userId = `test-${randomUUID()}`
  const { account, apiKey } = await createAccount({ userId, email: `${userId}@example.test`, tier })
  if (bytesLeft !== undefined) {
    await query(sql`
      UPDATE agentcache_accounts a SET storage_used_bytes = t.storage_quota_bytes - ${bytesLeft}
      FROM tier_configs t WHERE t.tier = a.agentcache_tier AND a.id = ${account.id}`)
  }
  return { apiKey, userId, accountId: account.id, tier }
}
