import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { fileNameOf } from '../files/path.ts'
import { type SQL, sql } from '../vendor/orm.js'

/**
 * A content that the account stores, and the file that has it: a live one before one in the trash, the newest first. Where
 * no file has it any more but the bytes are still kept, what is said of the file is null. `uploadCount` counts the
 * account's files that have it; times are RFC 3339.
 */
export type Duplicate = {
  fileHash: string
  fileSize: number
  fileId: string | null
  fileName: string | null
  path: string | null
  contentType: string | null
  /** Whether the file lies in the trash: it cannot be downloaded before it is restored. */
  trashed: boolean
  uploadCount: number
  firstUploadedAt: string
}

/** What is asked for: a content id with the size it belongs to. */
export type WantedContent = { fileHash: string; fileSize: number }

/**
 * Looks contents up among the blobs of one account, in whatever round trip is under way. Content of others and content of
 * nobody cost the same: one look into the same index, which is led by the account.
 */
export function duplicatesStatement(accountId: string, contents: readonly WantedContent[]): SQL {
  const wanted = contents.map(({ fileHash, fileSize }) => ({ hash: fileHash, size: fileSize }))
  return sql`
    SELECT b.file_hash, b.file_size, b.created_at, f.id AS file_id, f.path, f.content_type,
      f.trashed_at IS NOT NULL AS trashed, coalesce(f.upload_count, 0) AS upload_count
    FROM (SELECT DISTINCT hash, size FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) AS w(hash text, size bigint)) w
    JOIN file_hashes b
      ON b.account_id = ${accountId} AND b.file_hash = w.hash AND b.file_size = w.size AND b.state = 'live'
    LEFT JOIN LATERAL (
      SELECT f.id, f.path, f.content_type, f.trashed_at, count(*) OVER () AS upload_count
      FROM agentcache_assets f WHERE f.blob_id = b.id
      ORDER BY f.trashed_at IS NOT NULL, f.updated_at DESC, f.id LIMIT 1
    ) f ON true`
}

/** The answer to `duplicatesStatement`, by `contentKey`; what is not there is not stored. */
export function duplicatesOf(rows: Row[]): Map<string, Duplicate> {
  const found = rows.map(duplicateOf)
  return new Map(found.map((duplicate) => [contentKey(duplicate), duplicate]))
}

/** A content as a key of a map: `<fileHash> <fileSize>`. */
export function contentKey({ fileHash, fileSize }: WantedContent): string {
  return `${fileHash} ${fileSize}`
}

function duplicateOf(row: Row): Duplicate {
  const path = column.textOrNull(row, 'path')
  return {
    fileHash: column.text(row, 'file_hash'),
    fileSize: column.number(row, 'file_size'),
    fileId: column.textOrNull(row, 'file_id'),
    fileName: path === null ? null : fileNameOf(path),
    path,
    contentType: column.textOrNull(row, 'content_type'),
    trashed: column.boolean(row, 'trashed'),
    uploadCount: column.number(row, 'upload_count'),
    firstUploadedAt: column.time(row, 'created_at'),
  }
}
