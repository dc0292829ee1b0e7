import { withAccountLocked } from '../db/client.ts'
import { isUniqueViolation } from '../db/failure.ts'
import { column } from '../db/row.ts'
import { deliverSoon } from '../events/deliver-soon.ts'
import { emitDeleted } from '../events/emit.ts'
import { warnStatement } from '../events/warn-quota.ts'
import { Problem } from '../problem.ts'
import { sql } from '../vendor/orm.js'
import { FILE_COLUMNS, type FileView, fileOf } from './file.ts'

/** What to change of a file: its path, or its way out of the trash. */
export type Change = { path?: string | undefined; trashed?: false | undefined }

/**
 * Renames a live file, or restores a trashed one, onto `path` or where it was. Moves no bytes and no quota. SQL 1.
 *
 * @throws Problem `not-found` (also for renaming a trashed file without restoring it), `path-taken`
 */
export async function changeFile(
  accountId: string,
  fileId: string,
  change: Change,
): Promise<FileView> {
  const isRestore = change.trashed === false
  const statement = sql`
    WITH changed AS (
      UPDATE agentcache_assets
      SET path = coalesce(${change.path ?? null}, path), trashed_at = NULL, updated_at = now()
      WHERE account_id = ${accountId} AND id = ${fileId} AND (trashed_at IS NULL OR ${isRestore})
      RETURNING *
    )
    SELECT ${FILE_COLUMNS} FROM changed f JOIN file_hashes b ON b.id = f.blob_id`
  const [[row] = []] = await orPathTaken(() => withAccountLocked(accountId, [statement]))
  if (!row) throw new Problem('not-found', 'There is no such file in this account.')
  return fileOf(row)
}

/**
 * Moves a live file to the trash, where it still counts; `permanent` ends a live or trashed one and frees its quota. The
 * blob outlives its last file by the grace period. Either is an event; a file that is in the trash already is not one
 * again. SQL 1.
 *
 * @throws Problem `not-found`
 */
export async function deleteFile(
  accountId: string,
  fileId: string,
  permanent: boolean,
): Promise<{ fileId: string; trashedAt: string | null }> {
  const [[row] = []] = await withAccountLocked(accountId, [
    permanent ? endStatement(accountId, fileId) : trashStatement(accountId, fileId),
    warnStatement(sql`a.id = ${accountId}`),
  ])
  if (row?.has_events === true) deliverSoon(accountId)
  if (!row) throw new Problem('not-found', 'There is no such file in this account.')
  return { fileId, trashedAt: column.timeOrNull(row, 'trashed_at') }
}

function trashStatement(accountId: string, fileId: string) {
  return sql`
    WITH file AS (
      SELECT * FROM agentcache_assets WHERE account_id = ${accountId} AND id = ${fileId}
    ), trashed AS (
      UPDATE agentcache_assets f SET trashed_at = coalesce(f.trashed_at, now()) FROM file WHERE f.id = file.id
      RETURNING f.trashed_at
    ), told AS (
      ${emitDeleted(sql`file WHERE trashed_at IS NULL`, false)}
    )
    SELECT trashed_at, EXISTS (SELECT FROM told) AS has_events FROM trashed`
}

function endStatement(accountId: string, fileId: string) {
  return sql`
    WITH ended AS (
      DELETE FROM agentcache_assets WHERE account_id = ${accountId} AND id = ${fileId}
      RETURNING *
    ), released AS (
      UPDATE file_hashes SET last_referenced_at = now() WHERE id IN (SELECT blob_id FROM ended)
    ), freed AS (
      UPDATE agentcache_accounts
      SET storage_used_bytes = storage_used_bytes - (SELECT coalesce(sum(size_bytes), 0)::bigint FROM ended), updated_at = now()
      WHERE id = ${accountId}
    ), told AS (
      ${emitDeleted(sql`ended`, true)}
    )
    SELECT NULL::timestamptz AS trashed_at, EXISTS (SELECT FROM told) AS has_events FROM ended`
}

async function orPathTaken<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    // The unique index decides, so two renames onto one path cannot both win.
    if (!isUniqueViolation(error, 'agentcache_assets_path')) throw error
    throw new Problem('path-taken', 'Another live file has this path.', { cause: error })
  }
}
