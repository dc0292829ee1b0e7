import type { CopySource } from '../copies/copy-parts.ts'
import { withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { LATE_PUT_SECONDS, UPLOAD_COLUMNS, type Upload, uploadOf } from '../uploads/upload.ts'
import { sql } from '../vendor/orm.js'
import type { Statement } from './challenge.ts'

const PROOFS_PER_HOUR_MAX = 60
/** A content that everybody has is looked up no longer than a rare one. */
const SOURCES_LOOKED_AT_MAX = 8

/** A stored copy of a content, of some other account. */
export type Source = { blobId: string; key: string; etag: string }

/** An open upload of the caller, what its parts are (raw SHA-256 digests), and the copy that it may be copied from. */
export type ProvenUpload = { upload: Upload; partDigests: Buffer; source: CopySource }

/**
 * Uses a challenge up and looks for a copy of its content, in one statement under the account's lock: null where it was
 * used before, where the account has used 60 within the hour, or where the upload is not open or another one. Only
 * copies whose content id the store has verified count.
 */
export async function spendProof(
  accountId: string,
  { uploadId, fileHash, fileSize, nonce }: Statement,
): Promise<{ source: Source | null } | null> {
  const [[row] = []] = await withAccountLocked(accountId, [
    sql`
    WITH spent AS (
      INSERT INTO possession_proofs (account_id, nonce)
      SELECT u.account_id, decode(${nonce.toString('base64')}, 'base64') FROM uploads u
      WHERE u.id = ${uploadId} AND u.account_id = ${accountId} AND u.state = 'open' AND u.checksum = 'sha256'
        AND u.file_hash = ${fileHash} AND u.file_size = ${fileSize}
        AND ${PROOFS_PER_HOUR_MAX} > (SELECT count(*) FROM possession_proofs p
          WHERE p.account_id = u.account_id AND p.created_at > now() - interval '1 hour')
      ON CONFLICT DO NOTHING
      RETURNING account_id
    ), found AS (
      SELECT b.id, b.storage_key, b.etag, b.last_referenced_at FROM file_hashes b
      WHERE b.file_hash = ${fileHash} AND b.file_size = ${fileSize} AND b.state = 'live' AND b.verified
        AND b.account_id <> ${accountId}
      LIMIT ${SOURCES_LOOKED_AT_MAX}
    )
    SELECT b.id, b.storage_key, b.etag
    FROM spent LEFT JOIN (SELECT * FROM found ORDER BY last_referenced_at DESC LIMIT 1) b ON true`,
  ])
  if (!row) return null
  const blobId = column.textOrNull(row, 'id')
  if (blobId === null) return { source: null }
  const key = column.text(row, 'storage_key')
  return { source: { blobId, key, etag: column.text(row, 'etag') } }
}

/**
 * Notes on an upload what it was proven against (or finds what it was proven against before, without a blob), and that
 * something may be stored under its key for as long as a function lives. Null where it is not open any more, was never
 * proven, or where that copy is on its way out.
 */
export async function claimProven(
  accountId: string,
  uploadId: string,
  blobId: string | null,
): Promise<ProvenUpload | null> {
  const [[row] = []] = await withAccountLocked(accountId, [
    sql`
    UPDATE uploads u SET proven_blob_id = b.id, updated_at = now(),
      urls_expire_at = greatest(u.urls_expire_at, now() + make_interval(secs => ${LATE_PUT_SECONDS}))
    FROM file_hashes b
    WHERE u.id = ${uploadId} AND u.account_id = ${accountId} AND u.state = 'open'
      AND b.id = coalesce(${blobId}::uuid, u.proven_blob_id) AND b.state = 'live'
    RETURNING ${UPLOAD_COLUMNS}, u.part_digests, b.storage_key AS source_key, b.etag AS source_etag`,
  ])
  if (!row) return null
  const upload = uploadOf(row)
  const source = {
    storageKey: column.text(row, 'source_key'),
    etag: column.text(row, 'source_etag'),
    fileSize: upload.fileSize,
  }
  return { upload, partDigests: column.bytes(row, 'part_digests'), source }
}
