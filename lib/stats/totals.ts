import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { beginOf, type Period } from './period.ts'

/** What an account did in a period: uploads that were done, downloads that were granted, clones that saved their bytes. */
export type Totals = {
  uploads: number
  uploadedBytes: number
  downloads: number
  downloadedBytes: number
  clones: number
  savedBytes: number
}

/** Adds up an account's period, in whatever round trip is under way. */
export function totalsStatement(accountId: string, period: Period): SQL {
  const begin = beginOf(period)
  return sql`
    SELECT * FROM (
      SELECT count(*) AS uploads, coalesce(sum(file_size), 0)::bigint AS uploaded_bytes FROM uploads
      WHERE account_id = ${accountId} AND state = 'done' AND completed_at > ${begin}
    ) u CROSS JOIN (
      SELECT count(*) AS downloads, coalesce(sum(bytes), 0)::bigint AS downloaded_bytes FROM downloads
      WHERE account_id = ${accountId} AND created_at > ${begin}
    ) d CROSS JOIN (
      SELECT count(*) AS clones, coalesce(sum(saved_bytes), 0)::bigint AS saved_bytes FROM user_file_references
      WHERE account_id = ${accountId} AND created_at > ${begin}
    ) c`
}

/** The answer to `totalsStatement`. */
export function totalsOf([row]: Row[]): Totals {
  if (!row) throw new Error('a sum has no row')
  return {
    uploads: column.number(row, 'uploads'),
    uploadedBytes: column.number(row, 'uploaded_bytes'),
    downloads: column.number(row, 'downloads'),
    downloadedBytes: column.number(row, 'downloaded_bytes'),
    clones: column.number(row, 'clones'),
    savedBytes: column.number(row, 'saved_bytes'),
  }
}
