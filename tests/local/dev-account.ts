import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const USER_ID = 'dev'

/**
 * The API key of the account `dev` (tier pro), the same at every start on the same data. The environment of the stack
 * has to be this process' own: the product's code makes account and key.
 */
export async function devApiKey(dataDir: string): Promise<string> {
  await import('./preload.ts')
  const { query } = await import('../../lib/db/client.ts')
  const { hashApiKey, newApiKey } = await import('../../lib/accounts/api-key.ts')
  const { sql } = await import('../../lib/vendor/orm.js')

  const file = join(dataDir, 'api-key')
  const kept = existsSync(file) ? (await readFile(file, 'utf8')).trim() : ''
  const [known] = await query(sql`SELECT 1 FROM api_keys WHERE key_hash = ${hashApiKey(kept)}`)
  if (known) return kept

  const apiKey = newApiKey()
  await query(sql`
    WITH account AS (
      INSERT INTO agentcache_accounts (agentcache_user_id, agentcache_email, agentcache_tier)
      VALUES (${USER_ID}, 'dev@localhost', 'pro')
      ON CONFLICT (agentcache_user_id) DO UPDATE SET agentcache_email = excluded.agentcache_email
      RETURNING id
    )
    INSERT INTO api_keys (key_hash, account_id) SELECT ${hashApiKey(apiKey)}, id FROM account`)
  await writeFile(file, `${apiKey}\n`, { mode: 0o600 })
  return apiKey
}
