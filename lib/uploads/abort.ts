import { mapConcurrently } from '../concurrency.ts'
import { query, type Row, uuidArray, withAccountLocked } from '../db/client.ts'
import { describeError, log } from '../log.ts'
import { Problem } from '../problem.ts'
import { manifestKeyOf } from '../storage/keys.ts'
import { abortMultipartUpload, listMultipartUploads, listParts } from '../storage/multipart.ts'
import { deleteObject } from '../storage/objects.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { COMPLETION_SECONDS_MAX, UPLOAD_COLUMNS, type Upload, uploadOf } from './upload.ts'

const STORE_CALLS_AT_ONCE = 8
/** A part that was under way when its upload was aborted may still land (S3, AbortMultipartUpload): abort again. */
const ABORTS_MAX = 3
const DUE_MAX = 100

/** Of uploads `u`: ended, and with no URL of a single PUT or a manifest that could still store bytes. */
export const IS_DUE: SQL = sql`u.state = 'aborting' AND (u.part_count > 1 OR u.urls_expire_at < now())
  AND (u.manifest_url_expires_at IS NULL OR u.manifest_url_expires_at < now())`

export type Aborted =
  | { uploadId: string; status: 'aborted' }
  | { uploadId: string; status: 'aborting'; releasedBy: string }

/**
 * Ends an upload. Its quota is released once nothing signed can store bytes any more: at once for several parts, when the
 * last signed URL has expired for a single PUT and for a chunk manifest. Safe to repeat. SQL 2, S3 2 to 4.
 *
 * @throws Problem `not-found`; `upload-closed` when it is done or just being completed
 */
export async function abortUpload(accountId: string, uploadId: string): Promise<Aborted> {
  const upload = await claim(accountId, uploadId)
  if (!upload) throw new Problem('not-found', 'There is no such upload in this account.')
  if (upload.state === 'aborted') return { uploadId, status: 'aborted' }
  if (upload.state !== 'aborting') {
    throw new Problem('upload-closed', `The upload is ${upload.state} and cannot be aborted.`, {
      uploadStatus: upload.state,
    })
  }

  if (!(await isFree(upload)))
    return {
      uploadId,
      status: 'aborting',
      releasedBy: writableUntil(upload) ?? upload.urlsExpireAt,
    }
  await release(accountId, [uploadId])
  return { uploadId, status: 'aborted' }
}

/**
 * Releases the account's ended uploads that nothing can write to any more.
 *
 * @returns how many were released
 */
export async function releaseDueUploads(accountId: string): Promise<number> {
  const rows = await query(sql`
    SELECT ${UPLOAD_COLUMNS} FROM uploads u WHERE u.account_id = ${accountId} AND ${IS_DUE}
    ORDER BY u.updated_at LIMIT ${DUE_MAX}`)
  return await releaseFree(accountId, rows)
}

/** Of some aborting uploads of one account, releases those that are free; one that the store refuses waits for the next run. */
export async function releaseFree(accountId: string, rows: Row[]): Promise<number> {
  const uploads = rows.map(uploadOf)
  const free = await mapConcurrently(uploads, STORE_CALLS_AT_ONCE, isFreeNow)
  const ids = uploads.filter((_, index) => free[index]).map(({ id }) => id)
  if (ids.length > 0) await release(accountId, ids)
  return ids.length
}

async function claim(accountId: string, uploadId: string): Promise<Upload | null> {
  const [, [row] = []] = await withAccountLocked(accountId, [
    sql`
    UPDATE uploads SET state = 'aborting', updated_at = now()
    WHERE id = ${uploadId} AND account_id = ${accountId} AND (state = 'open' OR (
      state = 'completing' AND completing_since < now() - make_interval(secs => ${COMPLETION_SECONDS_MAX})))`,
    sql`SELECT ${UPLOAD_COLUMNS} FROM uploads u WHERE u.id = ${uploadId} AND u.account_id = ${accountId}`,
  ])
  return row ? uploadOf(row) : null
}

async function isFreeNow(upload: Upload): Promise<boolean> {
  try {
    return await isFree(upload)
  } catch (error) {
    log('warn', 'an ended upload cannot be released', {
      uploadId: upload.id,
      ...describeError(error),
    })
    return false
  }
}

/** Removes what an aborting upload stored; true when nothing signed for it can store bytes any more. */
async function isFree(upload: Upload): Promise<boolean> {
  if (upload.partCount > 1 && !(await isMultipartGone(upload))) return false
  const until = writableUntil(upload)
  if (until !== null && Date.parse(until) > Date.now()) return false
  const { storageKey, manifestBytes } = upload
  // Of several parts, a completion whose function died may have made the object; no file points at it.
  await Promise.all([
    deleteObject(storageKey),
    manifestBytes > 0 && deleteObject(manifestKeyOf(storageKey)),
  ])
  return true
}

/** When the last URL dies by which an object could be stored: of a single PUT, of a manifest. Null without any. */
function writableUntil(upload: Upload): string | null {
  const { partCount, urlsExpireAt, manifestUrlExpiresAt } = upload
  const times = [partCount === 1 ? urlsExpireAt : null, manifestUrlExpiresAt]
  return (
    times
      .filter((time) => time !== null)
      .sort()
      .at(-1) ?? null
  )
}

async function isMultipartGone({ storageKey, s3UploadId }: Upload): Promise<boolean> {
  if (s3UploadId === null) {
    // A start that died between S3 and SQL left an upload whose id nobody knows and nothing was signed for.
    const orphans = await listMultipartUploads(storageKey)
    await Promise.all(orphans.map((id) => abortMultipartUpload(storageKey, id)))
    return true
  }
  for (let attempt = 0; attempt < ABORTS_MAX; attempt++) {
    await abortMultipartUpload(storageKey, s3UploadId)
    const parts = await listParts(storageKey, s3UploadId)
    if (parts === null || parts.length === 0) return true
  }
  return false
}

/** Gives the reservation of each target and manifest back, exactly once: only the statement that ends an upload does. */
async function release(accountId: string, uploadIds: string[]): Promise<void> {
  await withAccountLocked(accountId, [
    sql`
    WITH ended AS (
      UPDATE uploads SET state = 'aborted', part_digests = '', part_md5s = '{}', sketch_bins = NULL, updated_at = now()
      WHERE id = ANY(${uuidArray(uploadIds)}::uuid[]) AND account_id = ${accountId} AND state = 'aborting'
      RETURNING id, file_size, manifest_bytes
    )
    UPDATE agentcache_accounts
    SET storage_reserved_bytes = storage_reserved_bytes
          - (SELECT coalesce(sum(ended.file_size), 0)::bigint FROM ended JOIN upload_targets t ON t.upload_id = ended.id)
          - (SELECT coalesce(sum(manifest_bytes), 0)::bigint FROM ended),
        updated_at = now()
    WHERE id = ${accountId}`,
  ])
}
