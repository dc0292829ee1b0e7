import { query, withAccountLocked } from '../db/client.ts'
import type { Deadlines } from '../uploads/complete.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { eachAccount } from './each.ts'
import { endFilesStatement } from './end-files.ts'

const DELETED_DAYS = 30
const ACCOUNTS_PER_RUN_MAX = 50

/** Of accounts `a`: deleted for good, and not yet emptied. One that was given back meanwhile keeps what it has. */
const IS_OVER = sql`a.status = 'deleted' AND a.status_changed_at < now() - make_interval(days => ${DELETED_DAYS})
  AND a.agentcache_email <> ''`

/**
 * Empties accounts that were deleted 30 days ago: their files end, trashed or not, and their open uploads; blobs and
 * reservations follow as everybody's do. When nothing is left, the email address, the address of events and what waits for it
 * are forgotten. The row stays: the user id is taken, and its keys are told that the account is deleted.
 *
 * Round trips: SQL 1, and 1 for each account.
 *
 * @returns how many files and uploads ended
 */
export async function endAccounts(
  deadlines: Deadlines,
): Promise<{ trashed: number; expired: number }> {
  const rows = await query(sql`
    SELECT a.id AS account_id FROM agentcache_accounts a WHERE ${IS_OVER}
    ORDER BY a.status_changed_at LIMIT ${ACCOUNTS_PER_RUN_MAX}`)
  let expired = 0
  const trashed = await eachAccount(rows, deadlines, async (accountId) => {
    const [, live = [], trash = [], uploads = []] = await withAccountLocked(
      accountId,
      endStatements(accountId),
    )
    expired += uploads.length
    return live.length + trash.length
  })
  return { trashed, expired }
}

function endStatements(accountId: string): SQL[] {
  const isOver = sql`EXISTS (SELECT FROM agentcache_accounts a WHERE a.id = ${accountId} AND ${IS_OVER})`
  const isEmpty = sql.join(
    [
      sql`agentcache_assets WHERE trashed_at IS NULL`,
      sql`agentcache_assets WHERE trashed_at IS NOT NULL`,
      sql`uploads WHERE state IN ('open', 'completing')`,
      sql`uploads WHERE state = 'aborting'`,
    ].map((some) => sql`NOT EXISTS (SELECT FROM ${some} AND account_id = ${accountId})`),
    sql` AND `,
  )
  return [
    sql`DELETE FROM event_endpoints WHERE account_id = ${accountId} AND ${isOver}`,
    endFilesStatement(accountId, sql`f.trashed_at IS NULL AND ${isOver}`),
    endFilesStatement(accountId, sql`f.trashed_at IS NOT NULL AND ${isOver}`),
    sql`
    UPDATE uploads SET state = 'aborting', updated_at = now()
    WHERE account_id = ${accountId} AND state = 'open' AND ${isOver} RETURNING id`,
    sql`DELETE FROM event_outbox WHERE account_id = ${accountId} AND ${isOver} AND ${isEmpty}`,
    sql`
    UPDATE agentcache_accounts a SET agentcache_email = '', updated_at = now()
    WHERE a.id = ${accountId} AND ${IS_OVER} AND ${isEmpty}`,
  ]
}
