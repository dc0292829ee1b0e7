import { layoutOf } from '../content/layout.ts'
import { query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { decodeCursor, encodeCursor, UUID } from '../http/cursor.ts'
import { Problem } from '../problem.ts'
import { listParts } from '../storage/multipart.ts'
import { headObject } from '../storage/objects.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { isAsDeclared } from './open-at-store.ts'
import { type Ranges, rangesOf } from './ranges.ts'
import { UPLOAD_COLUMNS, type Upload, type UploadState, uploadOf } from './upload.ts'

/** A cursor's time: whole microseconds since 1970, as exact as PostgreSQL's own. */
const MICROSECONDS = /^\d{1,17}$/
/** Selects what `pageOf` makes a cursor of, of uploads `u`. */
export const POSITION = sql`, (extract(epoch FROM u.created_at) * 1000000)::bigint::text AS position`

/** An upload as its account sees it. */
export type UploadView = {
  uploadId: string
  status: UploadState
  fileHash: string
  fileSize: number
  partSize: number
  partCount: number
  checksum: 'sha256' | 'md5'
  targets: { path: string; fileId: string | null }[]
  createdAt: string
  expiresAt: string
}

/**
 * One upload and which of its parts the store has (from the store's own listing). SQL 1, S3 1 per 1,000 parts while open.
 *
 * @throws Problem `not-found`
 */
export async function readUpload(
  accountId: string,
  uploadId: string,
): Promise<UploadView & { storedParts: Ranges }> {
  const [row] = await query(
    viewStatement(
      sql`, u.part_digests`,
      sql`u.account_id = ${accountId} AND u.id = ${uploadId}`,
      1,
    ),
  )
  if (!row) throw new Problem('not-found', 'There is no such upload in this account.')

  const upload = uploadOf(row)
  return {
    ...viewOf(row),
    storedParts: rangesOf(await storedPartsOf(upload, column.bytes(row, 'part_digests'))),
  }
}

/** The account's open uploads, newest first, `limit` a page. SQL 1. */
export async function listUploads(
  accountId: string,
  { cursor, limit }: { cursor: string | undefined; limit: number },
): Promise<{ uploads: UploadView[]; cursor: string | null }> {
  const open = sql`u.account_id = ${accountId} AND u.state IN ('open', 'completing')`
  const where = cursor === undefined ? open : sql`${open} AND ${isBefore(cursor)}`
  const rows = await query(viewStatement(POSITION, where, limit + 1))

  const { page, cursor: next } = pageOf(rows, limit)
  return { uploads: page.map(viewOf), cursor: next }
}

/** Of rows newest first, one more than `limit` asked for: the page, and the cursor of the next one. */
export function pageOf(rows: Row[], limit: number): { page: Row[]; cursor: string | null } {
  const page = rows.slice(0, limit)
  const last = rows.length > limit ? page.at(-1) : undefined
  const cursor = last
    ? encodeCursor([column.text(last, 'position'), column.text(last, 'id')])
    : null
  return { page, cursor }
}

/**
 * Uploads `u` that stand after a cursor.
 *
 * @throws Problem `invalid-request`
 */
export function isBefore(cursor: string): SQL {
  const [microseconds, id] = decodeCursor(cursor, [MICROSECONDS, UUID])
  return sql`(u.created_at, u.id) <
    ('epoch'::timestamptz + ${microseconds}::bigint * interval '1 microsecond', ${id}::uuid)`
}

function viewStatement(more: SQL, where: SQL, limit: number): SQL {
  return sql`
    SELECT ${UPLOAD_COLUMNS} ${more},
      (SELECT jsonb_agg(jsonb_build_object('path', t.path, 'fileId', t.file_id) ORDER BY t.path)
       FROM upload_targets t WHERE t.upload_id = u.id) AS targets
    FROM uploads u WHERE ${where}
    ORDER BY u.created_at DESC, u.id DESC LIMIT ${limit}`
}

function viewOf(row: Row): UploadView {
  const { id, state, fileHash, fileSize, partCount, checksum, createdAt, expiresAt } = uploadOf(row)
  const { partSize } = layoutOf(fileSize)
  const targets = column.targets(row, 'targets')
  return {
    uploadId: id,
    status: state,
    fileHash,
    fileSize,
    partSize,
    partCount,
    checksum,
    targets,
    createdAt,
    expiresAt,
  }
}

/**
 * The parts of an upload that the store has as they were declared. S3 1 per 1,000 parts while it is open.
 *
 * @throws Problem `store-unavailable`
 */
export async function storedPartsOf(upload: Upload, digests: Buffer): Promise<number[]> {
  const all = Array.from({ length: upload.partCount }, (_, index) => index + 1)
  if (upload.state === 'done') return all
  if (upload.state !== 'open' && upload.state !== 'completing') return []
  if (upload.partCount === 1)
    return (await headObject(upload.storageKey))?.size === upload.fileSize ? [1] : []
  if (upload.s3UploadId === null) return []
  const parts = (await listParts(upload.storageKey, upload.s3UploadId)) ?? []
  return parts
    .filter((part) => isAsDeclared(upload, part, digests))
    .map(({ partNumber }) => partNumber)
}
