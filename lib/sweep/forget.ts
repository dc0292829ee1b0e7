import { inOneTrip } from '../db/client.ts'
import { pruneEventsStatement } from '../events/outbox.ts'
import { type SQL, sql } from '../vendor/orm.js'

const ROWS_PER_RUN_MAX = 10_000
/** Their targets and sessions go with them. */
const UPLOADS_PER_RUN_MAX = 1000

/** A webhook is refused after 5 minutes anyway. */
const RECEIPT_DAYS = 30
/** The statistics look back 30 days. */
const DOWNLOAD_DAYS = 31
const UPLOAD_DAYS_KEPT = 90
/** A challenge lives 15 minutes, and proofs are counted over an hour. */
const PROOF_DAYS = 1

/**
 * Forgets what nobody asks for any more, a bounded number a run: receipts of webhooks, credentials that are not shown again,
 * downloads, proofs of possession, events, and ended uploads with their targets and sessions. SQL 1.
 */
export async function forgetOld(): Promise<void> {
  await inOneTrip([
    forget('webhook_receipts', sql`created_at`, RECEIPT_DAYS),
    forget('jettythunder_credentials', sql`expires_at`, 0),
    forget('downloads', sql`free_until`, DOWNLOAD_DAYS),
    forget('possession_proofs', sql`created_at`, PROOF_DAYS),
    pruneEventsStatement(),
    forgetUploads(),
  ])
}

function forget(table: string, column: SQL, days: number): SQL {
  const from = sql.identifier(table)
  return sql`
    DELETE FROM ${from} WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM ${from} WHERE ${column} < now() - make_interval(days => ${days})
      ORDER BY ${column} LIMIT ${ROWS_PER_RUN_MAX}))`
}

/** An upload whose key was not looked at yet is still needed to find what may be left there. */
function forgetUploads(): SQL {
  return sql`
    DELETE FROM uploads WHERE id = ANY(ARRAY(
      SELECT id FROM uploads
      WHERE state IN ('done', 'aborted') AND updated_at < now() - make_interval(days => ${UPLOAD_DAYS_KEPT})
        AND (part_count = 1 OR swept_at IS NOT NULL)
      ORDER BY updated_at LIMIT ${UPLOADS_PER_RUN_MAX}))`
}
