import { query } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { UPLOAD_COLUMNS, type Upload, uploadOf } from '../uploads/upload.ts'
import { sql } from '../vendor/orm.js'

/** An upload, by its own id, by a session's, or by both where they belong together. */
export type LedgerKey = { sessionId?: string | undefined; uploadId?: string | undefined }

/** An upload with the raw digests of its parts and what its sessions reported: the most chunks any of them did. */
export type FoundUpload = { upload: Upload; partDigests: Buffer; chunksReported: number }

/**
 * The account's upload that a ledger belongs to. SQL 1.
 *
 * @throws Problem `not-found`, also for a session of another upload
 */
export async function uploadOfLedger(
  accountId: string,
  { sessionId = null, uploadId = null }: Nullable,
): Promise<FoundUpload> {
  const [row] = await query(sql`
    SELECT ${UPLOAD_COLUMNS}, u.part_digests,
      (SELECT coalesce(max(s.chunks_completed), 0) FROM upload_sessions s WHERE s.upload_id = u.id) AS chunks_reported
    FROM uploads u
    WHERE u.account_id = ${accountId} AND u.id = coalesce(${uploadId}::uuid, (
        SELECT s.upload_id FROM upload_sessions s WHERE s.id = ${sessionId}::uuid AND s.account_id = ${accountId}))
      AND (${sessionId}::uuid IS NULL OR EXISTS (
        SELECT 1 FROM upload_sessions s WHERE s.id = ${sessionId}::uuid AND s.upload_id = u.id))`)
  if (!row) throw new Problem('not-found', 'There is no such session or upload in this account.')
  const partDigests = column.bytes(row, 'part_digests')
  return {
    upload: uploadOf(row),
    partDigests,
    chunksReported: column.number(row, 'chunks_reported'),
  }
}

type Nullable = { [Name in keyof LedgerKey]: LedgerKey[Name] | null }
