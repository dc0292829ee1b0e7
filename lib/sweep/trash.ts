import { query, withAccountLocked } from '../db/client.ts'
import { warnStatement } from '../events/warn-quota.ts'
import type { Deadlines } from '../uploads/complete.ts'
import { sql } from '../vendor/orm.js'
import { eachAccount } from './each.ts'
import { endFilesStatement } from './end-files.ts'

const TRASH_DAYS = 30
const FILES_PER_RUN_MAX = 1000

const IS_OVER = sql`f.trashed_at < now() - make_interval(days => ${TRASH_DAYS})`

/**
 * Ends files that have been in the trash for 30 days, unless somebody restores them first. SQL 1, and 1 for each account.
 *
 * @returns how many files ended
 */
export async function endTrash(deadlines: Deadlines): Promise<number> {
  const rows = await query(sql`
    SELECT DISTINCT account_id FROM (
      SELECT f.account_id FROM agentcache_assets f WHERE ${IS_OVER} ORDER BY f.trashed_at LIMIT ${FILES_PER_RUN_MAX}) f`)
  return await eachAccount(rows, deadlines, async (accountId) => {
    const [ended = []] = await withAccountLocked(accountId, [
      endFilesStatement(accountId, IS_OVER),
      warnStatement(sql`a.id = ${accountId}`),
    ])
    return ended.length
  })
}
