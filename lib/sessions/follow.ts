import { query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { isBefore, POSITION, pageOf } from '../uploads/list.ts'
import { UPLOAD_COLUMNS, type Upload, type UploadState, uploadOf } from '../uploads/upload.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { type Progress, progressOf } from './progress.ts'
import { isMoving } from './statements.ts'
import { watchLedgers } from './watch.ts'

/** So many sessions of an upload are shown, those that reported last. */
const SESSIONS_MAX = 20

export type SessionOfUpload = {
  sessionId: string
  uploadVia: string
  status: string
  edgesUsed: string[]
  chunksCompleted: number
  bytesUploaded: number
  /** Bytes per second between its last two reports. */
  speed: number
  startedAt: string
  updatedAt: string
}

/** An upload with how far it is; `path` is its first target. */
export type FollowedUpload = Progress & {
  uploadId: string
  fileName: string
  path: string
  fileSize: number
  uploadVia: string
  status: UploadState
  chunksTotal: number
  sessions: SessionOfUpload[]
  createdAt: string
  expiresAt: string
}

export type Following = {
  uploadId?: string | undefined
  cursor?: string | undefined
  limit: number
}

/**
 * The account's open uploads with their live progress, from all devices, newest first; or one, in whatever state. Sessions are asked to
 * report every 5 s for a while. SQL 1, Redis 1; without Redis by what sessions reported.
 *
 * @throws Problem `not-found` for one that there is not
 */
export async function followUploads(
  accountId: string,
  { uploadId, cursor, limit }: Following,
): Promise<{ uploads: FollowedUpload[]; cursor: string | null }> {
  const which = uploadId === undefined ? openBefore(cursor) : sql`u.id = ${uploadId}`
  const rows = await query(followStatement(accountId, which, limit + 1))
  if (uploadId !== undefined && rows.length === 0)
    throw new Problem('not-found', 'There is no such upload in this account.')

  const { page, cursor: next } = pageOf(rows, limit)
  const uploads = page.map(uploadOf)
  const ledgers = await watchLedgers(accountId, uploads)
  const followed = uploads.map((upload, index) => {
    const row = page[index] ?? {}
    return viewOf(upload, row, progressOf(knownOf(upload, row), ledgers[index] ?? null))
  })
  return { uploads: followed, cursor: next }
}

function openBefore(cursor: string | undefined): SQL {
  const open = sql`u.state IN ('open', 'completing')`
  return cursor === undefined ? open : sql`${open} AND ${isBefore(cursor)}`
}

function followStatement(accountId: string, which: SQL, limit: number): SQL {
  return sql`
    SELECT ${UPLOAD_COLUMNS} ${POSITION}, u.uploaded_via, reported.*,
      (SELECT t.path FROM upload_targets t WHERE t.upload_id = u.id ORDER BY t.path LIMIT 1) AS path,
      (SELECT jsonb_agg(to_jsonb(s) ORDER BY s.updated_at DESC, s.id) FROM (
        SELECT id, upload_via, status, edges_used, chunks_completed, bytes_uploaded, speed_bytes, started_at, updated_at
        FROM upload_sessions s WHERE s.upload_id = u.id ORDER BY s.updated_at DESC, s.id LIMIT ${SESSIONS_MAX}) s) AS sessions
    FROM uploads u CROSS JOIN LATERAL (
      SELECT coalesce(max(s.chunks_completed), 0) AS chunks_reported, coalesce(max(s.bytes_uploaded), 0) AS bytes_reported,
        coalesce(sum(s.speed_bytes) FILTER (WHERE ${isMoving(sql`s`)}), 0) AS speed
      FROM upload_sessions s WHERE s.upload_id = u.id) reported
    WHERE u.account_id = ${accountId} AND ${which}
    ORDER BY u.created_at DESC, u.id DESC LIMIT ${limit}`
}

function knownOf({ fileSize, partCount, state }: Upload, row: Row) {
  return {
    fileSize,
    partCount,
    state,
    chunksReported: column.number(row, 'chunks_reported'),
    bytesReported: column.number(row, 'bytes_reported'),
    speed: column.number(row, 'speed'),
  }
}

function viewOf(upload: Upload, row: Row, progress: Progress): FollowedUpload {
  const { id, fileSize, partCount, state, createdAt, expiresAt } = upload
  const path = column.textOrNull(row, 'path') ?? ''
  return {
    uploadId: id,
    fileName: path.slice(path.lastIndexOf('/') + 1),
    path,
    fileSize,
    uploadVia: column.text(row, 'uploaded_via'),
    status: state,
    chunksTotal: partCount,
    ...progress,
    sessions: rowsOf(row.sessions).map(sessionOf),
    createdAt,
    expiresAt,
  }
}

function sessionOf(row: Row): SessionOfUpload {
  return {
    sessionId: column.text(row, 'id'),
    uploadVia: column.text(row, 'upload_via'),
    status: column.text(row, 'status'),
    edgesUsed: Array.isArray(row.edges_used) ? row.edges_used.map(String) : [],
    chunksCompleted: column.number(row, 'chunks_completed'),
    bytesUploaded: column.number(row, 'bytes_uploaded'),
    speed: Math.round(column.number(row, 'speed_bytes')),
    startedAt: column.time(row, 'started_at'),
    updatedAt: column.time(row, 'updated_at'),
  }
}

/** A jsonb list of rows; null is an empty one. */
function rowsOf(value: unknown): Row[] {
  return Array.isArray(value) ? value : []
}
