import { query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { abortMultipartUpload, listMultipartUploads } from '../storage/multipart.ts'
import { deleteObject } from '../storage/objects.ts'
import type { Deadlines } from '../uploads/complete.ts'
import { LATE_PUT_SECONDS } from '../uploads/upload.ts'
import { sql } from '../vendor/orm.js'
import { eachAtStore } from './each.ts'

const UPLOADS_PER_RUN_MAX = 500

/**
 * Aborts multipart uploads that dead functions left at the store under the keys of ended uploads: the loser of two starts,
 * or one that took a late part. Tracked by us, for some stores cannot list a bucket: each ended upload of several parts is
 * asked for by its exact key, once its URLs are over and no function can be working at it. It is done with once the
 * store has nothing more.
 *
 * Round trips: SQL 1, and 1 where there are any; S3 1 an upload, 1 more for each orphan and each aborted upload, 8 at once.
 *
 * @returns how many multipart uploads were aborted
 */
export async function abortOrphans(deadlines: Deadlines): Promise<number> {
  const rows = await query(sql`
    SELECT id, storage_key, state FROM uploads
    WHERE state IN ('done', 'aborted') AND part_count > 1 AND swept_at IS NULL
      AND updated_at < now() - make_interval(secs => ${LATE_PUT_SECONDS}) AND urls_expire_at < now()
    ORDER BY updated_at LIMIT ${UPLOADS_PER_RUN_MAX}`)
  if (rows.length === 0) return 0

  const { done, failed } = await eachAtStore(rows, deadlines, abortAtKey)
  const clean = done.filter(({ result }) => result === 0).map(({ item }) => item)
  const again = done.filter(({ result }) => result > 0).map(({ item }) => item)
  await note(clean, [...again, ...failed])
  return done.reduce((sum, { result }) => sum + result, 0)
}

async function abortAtKey(row: Row): Promise<number> {
  const key = column.text(row, 'storage_key')
  const orphans = await listMultipartUploads(key)
  await Promise.all(orphans.map((s3UploadId) => abortMultipartUpload(key, s3UploadId)))
  // The store may have finished a completion after its upload was aborted. A key is never used again.
  if (column.text(row, 'state') === 'aborted') await deleteObject(key)
  return orphans.length
}

/** Those that are not clean wait behind the others. */
async function note(clean: Row[], again: Row[]): Promise<void> {
  const noted = [
    ...clean.map((row) => ({ id: row.id, clean: true })),
    ...again.map((row) => ({ id: row.id, clean: false })),
  ]
  await query(sql`
    WITH noted AS (
      SELECT u.id, n.clean FROM jsonb_to_recordset(${JSON.stringify(noted)}::jsonb) AS n(id uuid, clean boolean)
      JOIN uploads u ON u.id = n.id WHERE u.swept_at IS NULL
      ORDER BY u.id FOR NO KEY UPDATE OF u SKIP LOCKED
    )
    UPDATE uploads u SET swept_at = CASE WHEN noted.clean THEN now() END, updated_at = now()
    FROM noted WHERE u.id = noted.id`)
}
