import { type SQL, sql } from '../vendor/orm.js'
import { emitStatement } from './emit.ts'

/**
 * Warns of 80, 90 and 100 percent of the storage quota. Belongs behind every statement that changes an account's usage or
 * tier, in its transaction and under the account's lock; `accounts` is a condition on `a`. What counts is what is used: a
 * reservation may still come to nothing.
 *
 * `warned_percent` is the highest level that somebody was warned of, and falls with the usage. So each way up is warned of
 * once, by the highest level it reached; with nobody to tell, it waits for an endpoint. Changes nothing where the
 * level did not change. Gives the `id` of each event.
 */
export function warnStatement(accounts: SQL): SQL {
  return sql`
    WITH levels AS (
      SELECT a.id, a.warned_percent AS warned, a.storage_used_bytes AS used, t.storage_quota_bytes AS quota,
        EXISTS (SELECT FROM event_endpoints e WHERE e.account_id = a.id AND e.disabled_at IS NULL) AS is_heard,
        CASE WHEN a.storage_used_bytes = 0 THEN 0
          WHEN a.storage_used_bytes >= t.storage_quota_bytes THEN 100
          WHEN a.storage_used_bytes * 10 >= t.storage_quota_bytes * 9 THEN 90
          WHEN a.storage_used_bytes * 10 >= t.storage_quota_bytes * 8 THEN 80 ELSE 0 END AS level
      FROM agentcache_accounts a JOIN tier_configs t ON t.tier = a.agentcache_tier WHERE ${accounts}
    ), moved AS (
      UPDATE agentcache_accounts a SET warned_percent = l.level
      FROM levels l WHERE a.id = l.id AND (l.level < l.warned OR l.level > l.warned AND l.is_heard)
      RETURNING l.*
    )
    ${emitStatement(
      'quota.warning',
      sql`SELECT id AS account_id, jsonb_build_object('percent', level, 'usedBytes', used, 'quotaBytes', quota) AS data
        FROM moved WHERE level > warned`,
    )}`
}
