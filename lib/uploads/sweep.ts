import { query, type Row, uuidArray, withAccountsLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { describeError, log } from '../log.ts'
import { sql } from '../vendor/orm.js'
import { releaseFree } from './abort.ts'
import { completeUploads, type Deadlines, deadlinesFrom } from './complete.ts'
import { COMPLETION_SECONDS_MAX, UPLOAD_COLUMNS } from './upload.ts'

const UPLOADS_PER_RUN_MAX = 200

/** What a run did: completions finished for functions that died, uploads expired, reservations given back. */
export type Swept = { completed: number; expired: number; released: number }

/**
 * Ends what nobody ends: finishes completions whose function died, expires uploads without a sign of life for 7 days, and
 * releases ended ones that nothing can write to any more. Bounded, and safe to run twice at once: each step is a
 * conditional statement of its own. What fails for one account is logged and left to the next run.
 *
 * Round trips: SQL 3, 1 more to expire, 2 for each account with completions, 1 for each that gets quota back; S3 as
 * completing and aborting do.
 */
export async function sweepUploads(): Promise<Swept> {
  const deadlines = deadlinesFrom(Date.now())
  const completed = await finishStale(deadlines)
  const expired = await expire()
  const released = await releaseEnded(deadlines)
  return { completed, expired, released }
}

async function finishStale(deadlines: Deadlines): Promise<number> {
  const rows = await query(sql`
    SELECT account_id, id FROM uploads
    WHERE state = 'completing' AND completing_since < now() - make_interval(secs => ${COMPLETION_SECONDS_MAX})
    ORDER BY completing_since LIMIT ${UPLOADS_PER_RUN_MAX}`)
  return await forEachAccount(rows, deadlines, async (accountId, ofAccount) => {
    const uploadIds = ofAccount.map((row) => column.text(row, 'id'))
    const results = await completeUploads(accountId, uploadIds, deadlines)
    return results.filter((one) => 'status' in one && one.status === 'stored').length
  })
}

async function expire(): Promise<number> {
  const rows = await query(sql`
    SELECT account_id, id FROM uploads WHERE state = 'open' AND expires_at < now()
    ORDER BY expires_at LIMIT ${UPLOADS_PER_RUN_MAX}`)
  if (rows.length === 0) return 0
  const uploadIds = rows.map((row) => column.text(row, 'id'))
  // Between the two statements a client may have come back.
  const [expired = []] = await withAccountsLocked(
    [...byAccount(rows).keys()],
    [
      sql`
    UPDATE uploads SET state = 'aborting', updated_at = now()
    WHERE id = ANY(${uuidArray(uploadIds)}::uuid[]) AND state = 'open' AND expires_at < now()
    RETURNING id`,
    ],
  )
  return expired.length
}

async function releaseEnded(deadlines: Deadlines): Promise<number> {
  const rows = await query(sql`
    SELECT ${UPLOAD_COLUMNS} FROM uploads u
    WHERE u.state = 'aborting' AND (u.part_count > 1 OR u.urls_expire_at < now())
    ORDER BY u.updated_at LIMIT ${UPLOADS_PER_RUN_MAX}`)
  return await forEachAccount(rows, deadlines, releaseFree)
}

/** Adds up what `act` did for the uploads of each account. */
async function forEachAccount(
  rows: Row[],
  { beginBefore }: Deadlines,
  act: (accountId: string, ofAccount: Row[]) => Promise<number>,
): Promise<number> {
  let done = 0
  for (const [accountId, ofAccount] of byAccount(rows)) {
    if (Date.now() > beginBefore) break
    try {
      done += await act(accountId, ofAccount)
    } catch (error) {
      log('error', 'the sweep failed for an account', { accountId, ...describeError(error) })
    }
  }
  return done
}

function byAccount(rows: Row[]): Map<string, Row[]> {
  const grouped = new Map<string, Row[]>()
  for (const row of rows) {
    const accountId = column.text(row, 'account_id')
    grouped.set(accountId, [...(grouped.get(accountId) ?? []), row])
  }
  return grouped
}
