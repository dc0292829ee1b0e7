import { query, type Row, uuidArray, withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { warnStatement } from '../events/warn-quota.ts'
import { manifestKeyOf } from '../storage/keys.ts'
import { deleteObject } from '../storage/objects.ts'
import type { Deadlines } from '../uploads/complete.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { eachAccount, eachAtStore } from './each.ts'

/** Longer than any part URL lives (24 h) and than any download URL (5 min), so nothing signed reaches a removed object. */
const GRACE_HOURS = 48
const LOOKED_AT_PER_RUN_MAX = 5000
const REMOVED_PER_RUN_MAX = 1000

const IS_OLD = sql`b.last_referenced_at < now() - make_interval(hours => ${GRACE_HOURS})`

/** Whether anything points at a blob `b`: the one place that says what does. Files in the trash are files. */
const IS_REFERENCED: SQL = sql`EXISTS (SELECT FROM agentcache_assets f WHERE f.blob_id = b.id)`

/**
 * Removes the bytes that nothing has pointed at for 48 h: the blob is `deleting`, decided under the account's lock, so that
 * a clone either comes first and saves it or uploads anew; then the object and its chunk manifest go, then the row, and with
 * it what the manifest was charged. What a run leaves in `deleting` is removed by the next.
 *
 * Round trips: SQL 2; 2 more for each account with blobs to remove (1 to decide, 1 for the rows), and 1 where the store
 * failed; S3 1 a blob, 2 with a manifest, 8 at once.
 *
 * @returns how many objects are gone
 */
export async function removeBlobs(deadlines: Deadlines): Promise<number> {
  await eachAccount(await findUnreferenced(), deadlines, markDeleting)

  const { done, failed } = await eachAtStore(await findDeleting(), deadlines, removeBytes)
  if (failed.length > 0) await putLast(failed)
  const gone = done.map(({ item }) => item)
  return await eachAccount(gone, deadlinesOfRows(deadlines), removeRows)
}

/**
 * Of the blobs that were last referenced longest ago, those that are not any more. The others are looked at again after
 * another grace period. Takes no account's lock, and so waits for no row: what another transaction holds is skipped.
 */
async function findUnreferenced(): Promise<Row[]> {
  return await query(sql`
    WITH old AS (
      SELECT b.id, b.account_id FROM file_hashes b WHERE b.state = 'live' AND ${IS_OLD}
      ORDER BY b.last_referenced_at LIMIT ${LOOKED_AT_PER_RUN_MAX} FOR NO KEY UPDATE SKIP LOCKED
    ), referenced AS (
      UPDATE file_hashes b SET last_referenced_at = now() FROM old WHERE b.id = old.id AND ${IS_REFERENCED}
      RETURNING b.id
    )
    SELECT id, account_id FROM old WHERE id NOT IN (SELECT id FROM referenced)`)
}

/** Since the blobs were found, a clone may have been made. */
async function markDeleting(accountId: string, found: Row[]): Promise<number> {
  const [marked = []] = await withAccountLocked(accountId, [
    sql`
    UPDATE file_hashes b SET state = 'deleting'
    WHERE b.id = ANY(${idsOf(found)}::uuid[]) AND b.account_id = ${accountId} AND b.state = 'live' AND ${IS_OLD} AND NOT ${IS_REFERENCED}
    RETURNING b.id`,
  ])
  return marked.length
}

/** Nothing makes a reference to a blob in `deleting`; should anything have one, its bytes stay. */
async function findDeleting(): Promise<Row[]> {
  return await query(sql`
    SELECT b.id, b.account_id, b.storage_key, b.manifest_bytes FROM file_hashes b WHERE b.state = 'deleting' AND NOT ${IS_REFERENCED}
    ORDER BY b.last_referenced_at LIMIT ${REMOVED_PER_RUN_MAX}`)
}

async function removeBytes(row: Row): Promise<void> {
  const key = column.text(row, 'storage_key')
  if (column.number(row, 'manifest_bytes') > 0) await deleteObject(manifestKeyOf(key))
  await deleteObject(key)
}

/** So that objects which the store refuses to delete keep nobody from the others. */
async function putLast(failed: Row[]): Promise<void> {
  await query(sql`
    UPDATE file_hashes b SET last_referenced_at = now()
    WHERE b.state = 'deleting' AND b.id IN (
      SELECT id FROM file_hashes WHERE id = ANY(${idsOf(failed)}::uuid[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)`)
}

/** The objects are gone, so their rows go even when the time to begin anything is over. */
function deadlinesOfRows({ answerBefore }: Deadlines): Deadlines {
  return { beginBefore: answerBefore, answerBefore }
}

async function removeRows(accountId: string, gone: Row[]): Promise<number> {
  const [removed = []] = await withAccountLocked(accountId, [
    sql`
    WITH removed AS (
      DELETE FROM file_hashes b WHERE b.id = ANY(${idsOf(gone)}::uuid[]) AND b.state = 'deleting' AND NOT ${IS_REFERENCED}
      RETURNING b.id, b.manifest_bytes
    ), freed AS (
      UPDATE agentcache_accounts
      SET storage_used_bytes = storage_used_bytes - (SELECT sum(manifest_bytes)::bigint FROM removed), updated_at = now()
      WHERE id = ${accountId} AND EXISTS (SELECT FROM removed WHERE manifest_bytes > 0)
    )
    SELECT id FROM removed`,
    warnStatement(sql`a.id = ${accountId}`),
  ])
  return removed.length
}

function idsOf(rows: Row[]): string {
  return uuidArray(rows.map((row) => column.text(row, 'id')))
}
