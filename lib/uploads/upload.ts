import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'

export type UploadState = 'open' | 'completing' | 'done' | 'aborting' | 'aborted'
export type ChecksumMode = 'sha256' | 'md5'

/** One durable S3 upload of one content into one account. `s3UploadId` is null for a single PUT, or not yet made. */
export type Upload = {
  id: string
  accountId: string
  fileHash: string
  fileSize: number
  partCount: number
  checksum: ChecksumMode
  storageKey: string
  s3UploadId: string | null
  state: UploadState
  urlsExpireAt: string
  /** Of the chunk manifest that comes with it, 0 without one; and how long that may be written to. */
  manifestBytes: number
  manifestUrlExpiresAt: string | null
  createdAt: string
  expiresAt: string
}

/** How long an upload lives after its last sign of life. */
export const UPLOAD_DAYS = 7
/**
 * How much longer than its URLs an upload is taken to be writable: signing follows the statement that says so by up to a
 * function's life, and a PUT that began in time may end late.
 */
export const LATE_PUT_SECONDS = 300
/** A completion that has not ended by then died: functions stop after 60 s. */
export const COMPLETION_SECONDS_MAX = 75

/**
 * The columns that `uploadOf` reads, of uploads `u`. Digests and MD5s are not among them: 10,000 parts have 1 MB of them,
 * and Neon answers at most 10 MiB.
 */
export const UPLOAD_COLUMNS: SQL = sql`u.id, u.account_id, u.file_hash, u.file_size, u.part_count, u.checksum, u.storage_key,
  u.s3_upload_id, u.state, u.urls_expire_at, u.manifest_bytes, u.manifest_url_expires_at, u.created_at, u.expires_at`

/** Reads a row of `UPLOAD_COLUMNS`. */
export function uploadOf(row: Row): Upload {
  return {
    id: column.text(row, 'id'),
    accountId: column.text(row, 'account_id'),
    fileHash: column.text(row, 'file_hash'),
    fileSize: column.number(row, 'file_size'),
    partCount: column.number(row, 'part_count'),
    checksum: column.text(row, 'checksum') === 'md5' ? 'md5' : 'sha256',
    storageKey: column.text(row, 'storage_key'),
    s3UploadId: column.textOrNull(row, 's3_upload_id'),
    state: stateOf(column.text(row, 'state')),
    urlsExpireAt: column.time(row, 'urls_expire_at'),
    manifestBytes: column.number(row, 'manifest_bytes'),
    manifestUrlExpiresAt: column.timeOrNull(row, 'manifest_url_expires_at'),
    createdAt: column.time(row, 'created_at'),
    expiresAt: column.time(row, 'expires_at'),
  }
}

const STATES: readonly UploadState[] = ['open', 'completing', 'done', 'aborting', 'aborted']

/** A column `state`. */
export function stateOf(text: string): UploadState {
  const state = STATES.find((known) => known === text)
  if (!state) throw new Error(`unknown upload state ${text}`)
  return state
}
