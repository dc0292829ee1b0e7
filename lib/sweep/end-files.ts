import { emitDeleted } from '../events/emit.ts'
import { type SQL, sql } from '../vendor/orm.js'

const FILES_PER_ACCOUNT_MAX = 1000

/**
 * Ends files of an account for good, as a permanent deletion does: their usage is freed, their blobs begin the grace period,
 * the customer is told. Runs under the account's lock. `which` is a condition on files `f`. At most 1,000 a call; a row for each.
 */
export function endFilesStatement(accountId: string, which: SQL): SQL {
  return sql`
    WITH ended AS (
      DELETE FROM agentcache_assets WHERE id = ANY(ARRAY(
        SELECT f.id FROM agentcache_assets f WHERE f.account_id = ${accountId} AND ${which} LIMIT ${FILES_PER_ACCOUNT_MAX}))
      RETURNING *
    ), released AS (
      UPDATE file_hashes SET last_referenced_at = now() WHERE id IN (SELECT blob_id FROM ended)
    ), freed AS (
      UPDATE agentcache_accounts
      SET storage_used_bytes = storage_used_bytes - (SELECT sum(size_bytes)::bigint FROM ended), updated_at = now()
      WHERE id = ${accountId} AND EXISTS (SELECT FROM ended)
    ), told AS (
      ${emitDeleted(sql`ended`, true)}
    )
    SELECT id FROM ended`
}
