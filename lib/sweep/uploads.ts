import { query, type Row, uuidArray, withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { IS_DUE, releaseFree } from '../uploads/abort.ts'
import { completeUploads, type Deadlines } from '../uploads/complete.ts'
import { COMPLETION_SECONDS_MAX, UPLOAD_COLUMNS } from '../uploads/upload.ts'
import { sql } from '../vendor/orm.js'
import { eachAccount } from './each.ts'

const UPLOADS_PER_RUN_MAX = 200

/**
 * Finishes completions whose function died. SQL 1, and 2 for each account; S3 as completing.
 *
 * @returns how many became files
 */
export async function finishStale(deadlines: Deadlines): Promise<number> {
  const rows = await query(sql`
    SELECT account_id, id FROM uploads
    WHERE state = 'completing' AND completing_since < now() - make_interval(secs => ${COMPLETION_SECONDS_MAX})
    ORDER BY completing_since LIMIT ${UPLOADS_PER_RUN_MAX}`)
  return await eachAccount(rows, deadlines, async (accountId, ofAccount) => {
    const results = await completeUploads(accountId, idsOf(ofAccount), deadlines)
    return results.filter((one) => 'status' in one && one.status === 'stored').length
  })
}

/**
 * Ends uploads without a sign of life for 7 days. SQL 1, and 1 for each account.
 *
 * @returns how many are aborting now
 */
export async function expireUploads(deadlines: Deadlines): Promise<number> {
  const rows = await query(sql`
    SELECT account_id, id FROM uploads WHERE state = 'open' AND expires_at < now()
    ORDER BY expires_at LIMIT ${UPLOADS_PER_RUN_MAX}`)
  return await eachAccount(rows, deadlines, async (accountId, ofAccount) => {
    // Between the two statements a client may have come back.
    const [expired = []] = await withAccountLocked(accountId, [
      sql`
      UPDATE uploads SET state = 'aborting', updated_at = now()
      WHERE id = ANY(${uuidArray(idsOf(ofAccount))}::uuid[]) AND account_id = ${accountId} AND state = 'open' AND expires_at < now()
      RETURNING id`,
    ])
    return expired.length
  })
}

/**
 * Gives back what ended uploads reserved that nothing can write to any more. SQL 1, and 1 for each account that gets some;
 * S3 as aborting.
 *
 * @returns how many were released
 */
export async function releaseEnded(deadlines: Deadlines): Promise<number> {
  const rows = await query(sql`
    SELECT ${UPLOAD_COLUMNS} FROM uploads u WHERE ${IS_DUE}
    ORDER BY u.updated_at LIMIT ${UPLOADS_PER_RUN_MAX}`)
  return await eachAccount(rows, deadlines, releaseFree)
}

function idsOf(rows: Row[]): string[] {
  return rows.map((row) => column.text(row, 'id'))
}
