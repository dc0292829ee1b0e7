import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { fileNameOf } from './path.ts'

/** A file as its account sees it. Sizes in bytes, times RFC 3339. */
export type FileView = {
  fileId: string
  path: string
  fileName: string
  fileSize: number
  fileHash: string
  contentType: string
  verified: boolean
  createdAt: string
  updatedAt: string
  trashedAt: string | null
}

/** The columns that `fileOf` reads, of files `f` and their blobs `b`. */
export const FILE_COLUMNS: SQL = sql`f.id, f.path, f.size_bytes, f.content_type, f.created_at, f.updated_at, f.trashed_at,
  b.file_hash, b.verified`

export function fileOf(row: Row): FileView {
  const path = column.text(row, 'path')
  return {
    fileId: column.text(row, 'id'),
    path,
    fileName: fileNameOf(path),
    fileSize: column.number(row, 'size_bytes'),
    fileHash: column.text(row, 'file_hash'),
    contentType: column.text(row, 'content_type'),
    verified: column.boolean(row, 'verified'),
    createdAt: column.time(row, 'created_at'),
    updatedAt: column.time(row, 'updated_at'),
    trashedAt: column.timeOrNull(row, 'trashed_at'),
  }
}
