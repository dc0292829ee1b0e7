import { query, uuidArray, withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { warnStatement } from '../events/warn-quota.ts'
import { log } from '../log.ts'
import type { Deadlines } from '../uploads/complete.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { eachAccount } from './each.ts'

const RECONCILED_EVERY_HOURS = 24
const ACCOUNTS_PER_RUN_MAX = 100

/**
 * Compares what accounts are said to use with their files and uploads, each account once a day, those checked longest ago
 * first. A difference is a defect: it is corrected, under the account's lock, and logged as an error with both figures.
 *
 * Round trips: SQL 1, 1 more where there are any, and 1 for each account that differs.
 *
 * @returns how many accounts were compared, and how many differed
 */
export async function reconcileUsage(
  deadlines: Deadlines,
): Promise<{ reconciled: number; differences: number }> {
  // One statement sees one moment, so comparing needs no lock.
  const compared = await query(comparisonOf(DUE))
  if (compared.length === 0) return { reconciled: 0, differences: 0 }

  const differing = compared.filter((row) => column.boolean(row, 'differs'))
  const differences = await eachAccount(differing, deadlines, correct)
  await noteReconciled(compared.map((row) => column.text(row, 'account_id')))
  return { reconciled: compared.length, differences }
}

const DUE = sql`(
  SELECT * FROM agentcache_accounts WHERE reconciled_at < now() - make_interval(hours => ${RECONCILED_EVERY_HOURS})
  ORDER BY reconciled_at LIMIT ${ACCOUNTS_PER_RUN_MAX})`

/**
 * Used: live and trashed files, and the manifests of blobs. Reserved: each target of an upload that has not ended, and its
 * manifest. In bytes. In pieces that have an index each.
 */
function comparisonOf(accounts: SQL): SQL {
  const files = (which: SQL) => sql`
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(size_bytes), 0)::bigint AS bytes FROM agentcache_assets WHERE account_id = a.id AND ${which})`
  const manifests = (which: SQL) => sql`
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(manifest_bytes), 0)::bigint AS bytes FROM file_hashes WHERE account_id = a.id AND ${which})`
  const uploads = (which: SQL) => sql`
    SELECT id, file_size, manifest_bytes FROM uploads WHERE account_id = a.id AND ${which}`
  return sql`
    SELECT c.*, c.used <> c.files OR c.reserved <> c.targets AS differs FROM (
      SELECT a.id AS account_id, a.storage_used_bytes AS used, a.storage_reserved_bytes AS reserved,
        live.bytes + trashed.bytes + described.bytes + removed.bytes AS files, open.bytes AS targets
      FROM ${accounts} a
      ${files(sql`trashed_at IS NULL`)} live
      ${files(sql`trashed_at IS NOT NULL`)} trashed
      ${manifests(sql`state = 'live'`)} described
      ${manifests(sql`state = 'deleting'`)} removed
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(u.manifest_bytes + u.file_size * (SELECT count(*) FROM upload_targets t WHERE t.upload_id = u.id)), 0)::bigint AS bytes
        FROM (${uploads(sql`state IN ('open', 'completing')`)} UNION ALL ${uploads(sql`state = 'aborting'`)}) u) open
    ) c`
}

async function correct(accountId: string): Promise<number> {
  const [[row] = []] = await withAccountLocked(accountId, [
    sql`
    WITH compared AS (
      ${comparisonOf(sql`(SELECT * FROM agentcache_accounts WHERE id = ${accountId})`)}
    ), corrected AS (
      UPDATE agentcache_accounts a SET storage_used_bytes = files, storage_reserved_bytes = targets, updated_at = now()
      FROM compared WHERE a.id = account_id AND differs
    )
    SELECT * FROM compared WHERE differs`,
    warnStatement(sql`a.id = ${accountId}`),
  ])
  if (!row) return 0
  log('error', 'the usage of an account was not that of its files and uploads', {
    accountId,
    usedBytes: column.number(row, 'used'),
    fileBytes: column.number(row, 'files'),
    reservedBytes: column.number(row, 'reserved'),
    targetBytes: column.number(row, 'targets'),
  })
  return 1
}

/** Waits for nobody: an account that is busy is compared again by the next run. */
async function noteReconciled(accountIds: string[]): Promise<void> {
  await query(sql`
    UPDATE agentcache_accounts SET reconciled_at = now() WHERE id IN (
      SELECT id FROM agentcache_accounts WHERE id = ANY(${uuidArray(accountIds)}::uuid[])
      ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)`)
}
