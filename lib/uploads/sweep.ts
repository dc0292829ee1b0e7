import { query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { sql } from '../vendor/orm.js'
import { releaseFree } from './abort.ts'
import { completeUploads } from './complete.ts'
import { COMPLETION_SECONDS_MAX } from './upload.ts'

const UPLOADS_PER_RUN_MAX = 200

/** What a run did: completions finished for functions that died, uploads expired, reservations given back. */
export type Swept = { completed: number; expired: number; released: number }

/**
 * Ends what nobody ends: finishes completions whose function died, expires uploads without a sign of life for 7 days, and
 * releases ended ones that nothing can write to any more. Bounded, and safe to run twice at once: each step is a
 * conditional statement of its own.
 */
export async function sweepUploads(): Promise<Swept> {
  const completed = await finishStale()
  const expired = await expire()
  const released = await releaseEnded()
  return { completed, expired, released }
}

async function finishStale(): Promise<number> {
  const rows = await query(sql`
    SELECT account_id, id FROM uploads
    WHERE state = 'completing' AND completing_since < now() - make_interval(secs => ${COMPLETION_SECONDS_MAX})
    ORDER BY completing_since LIMIT ${UPLOADS_PER_RUN_MAX}`)
  for (const [accountId, ofAccount] of byAccount(rows)) {
    await completeUploads(
      accountId,
      ofAccount.map((row) => column.text(row, 'id')),
    )
  }
  return rows.length
}

async function expire(): Promise<number> {
  const rows = await query(sql`
    UPDATE uploads SET state = 'aborting', updated_at = now()
    WHERE id IN (SELECT id FROM uploads WHERE state = 'open' AND expires_at < now() ORDER BY expires_at LIMIT ${UPLOADS_PER_RUN_MAX})
      AND state = 'open' AND expires_at < now()
    RETURNING id`)
  return rows.length
}

async function releaseEnded(): Promise<number> {
  const rows = await query(sql`
    SELECT * FROM uploads WHERE state = 'aborting' AND (part_count > 1 OR urls_expire_at < now())
    ORDER BY updated_at LIMIT ${UPLOADS_PER_RUN_MAX}`)
  let released = 0
  for (const [accountId, ofAccount] of byAccount(rows))
    released += await releaseFree(accountId, ofAccount)
  return released
}

function byAccount(rows: Row[]): Map<string, Row[]> {
  const grouped = new Map<string, Row[]>()
  for (const row of rows) {
    const accountId = column.text(row, 'account_id')
    grouped.set(accountId, [...(grouped.get(accountId) ?? []), row])
  }
  return grouped
}
