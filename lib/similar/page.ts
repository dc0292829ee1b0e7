import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { LIVE_FILES, likeStatement, SUBJECT_COLUMNS } from './candidates.ts'

/** For each content: of a family of more, some are looked at, and it may come as several groups. */
const PER_BAND = 64
const CANDIDATES = 16
/** A chance meeting is one of one band; whoever meets in two is preferred by content id alone, so that a family agrees. */
const BANDS_ENOUGH = 2
const HASH = /^sha256:[0-9a-f]{64}(-[1-9]\d{0,4})?$/
const SIZE = /^\d{1,13}$/

export type Paging = { threshold: number; limit: number; cursor?: string | undefined }

/**
 * The live contents of a page, in the order of their ids, with their sketches and live files; and what each of them may be
 * like, with its id as `w_id`. Of at most 8 × 64 index entries and 16 candidates for each content.
 *
 * @throws Problem `invalid-request` for a cursor of something else
 */
export function pageStatements(accountId: string, paging: Paging): [SQL, SQL] {
  const page = pageStatement(accountId, paging)
  const { threshold: share } = paging
  const bounds = { limit: CANDIDATES, perBand: PER_BAND, share, enough: BANDS_ENOUGH }
  const subjects = sql`SELECT b.id AS w_id, ${SUBJECT_COLUMNS} FROM (${page}) b JOIN blob_sketches s ON s.blob_id = b.id`
  return [contentsStatement(page), likeStatement(accountId, subjects, bounds)]
}

/** Where the page after this content begins. */
export function cursorAfter(content: Row): string {
  return encodeCursor([column.text(content, 'file_hash'), `${column.number(content, 'file_size')}`])
}

function pageStatement(accountId: string, { limit, cursor }: Paging): SQL {
  const [hash, size] = cursor === undefined ? ['', '0'] : decodeCursor(cursor, [HASH, SIZE])
  return sql`
    SELECT b.id, b.file_hash, b.file_size FROM file_hashes b
    WHERE b.account_id = ${accountId} AND b.state = 'live' AND (b.file_hash, b.file_size) > (${hash}, ${size}::bigint)
    ORDER BY b.file_hash, b.file_size LIMIT ${limit}`
}

function contentsStatement(page: SQL): SQL {
  return sql`
    SELECT b.*, s.average_bytes, s.distinct_bytes, s.bins, ${LIVE_FILES} AS files
    FROM (${page}) b LEFT JOIN blob_sketches s ON s.blob_id = b.id ORDER BY b.file_hash, b.file_size`
}
