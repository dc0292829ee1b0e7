import { query } from '../db/client.ts'
import { column } from '../db/row.ts'
import { decodeCursor, encodeCursor, TEXT, UUID } from '../http/cursor.ts'
import { Problem } from '../problem.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { FILE_COLUMNS, type FileView, fileOf } from './file.ts'

/** Which files: by the start of their path, live or trashed, a page of `limit` after `cursor`. */
export type Listing = {
  prefix: string
  delimiter?: '/' | undefined
  trashed: boolean
  cursor?: string | undefined
  limit: number
}

export type FilePage = { files: FileView[]; folders?: string[]; cursor: string | null }

const NO_ID = '00000000-0000-0000-0000-000000000000'

/**
 * Lists an account's files in the byte order of their paths. With a delimiter, what lies deeper than `prefix` is folded
 * into `folders`, each once, so a folder of any size costs one row. SQL 1.
 */
export async function listFiles(accountId: string, listing: Listing): Promise<FilePage> {
  const [path, id] =
    listing.cursor === undefined ? ['', NO_ID] : decodeCursor(listing.cursor, [TEXT, UUID])
  const after = { path: path ?? '', id: id ?? NO_ID }
  const rows = await query(
    listing.delimiter
      ? foldedStatement(accountId, listing, after)
      : flatStatement(accountId, listing, after),
  )
  const page = rows.slice(0, listing.limit)
  const last = rows.length > listing.limit ? page.at(-1) : undefined
  const cursor = last
    ? encodeCursor([column.text(last, 'path'), column.textOrNull(last, 'id') ?? NO_ID])
    : null

  const files = page.filter((row) => row.id !== null).map(fileOf)
  if (!listing.delimiter) return { files, cursor }
  const folders = page.filter((row) => row.id === null).map((row) => column.text(row, 'path'))
  return { files, folders, cursor }
}

/**
 * One file, live or trashed. SQL 1.
 *
 * @throws Problem `not-found`
 */
export async function readFile(accountId: string, fileId: string): Promise<FileView> {
  const [row] = await query(sql`
    SELECT ${FILE_COLUMNS} FROM agentcache_assets f JOIN file_hashes b ON b.id = f.blob_id
    WHERE f.account_id = ${accountId} AND f.id = ${fileId}`)
  if (!row) throw new Problem('not-found', 'There is no such file in this account.')
  return fileOf(row)
}

function flatStatement(
  accountId: string,
  listing: Listing,
  after: { path: string; id: string },
): SQL {
  return sql`
    SELECT ${FILE_COLUMNS} FROM agentcache_assets f JOIN file_hashes b ON b.id = f.blob_id
    WHERE f.account_id = ${accountId} AND ${within(listing)} AND (f.path, f.id) > (${after.path}, ${after.id}::uuid)
    ORDER BY f.path, f.id LIMIT ${listing.limit + 1}`
}

/** Walks the index from one file or folder to the next, skipping what lies inside a folder ("loose index scan"). */
function foldedStatement(
  accountId: string,
  listing: Listing,
  after: { path: string; id: string },
): SQL {
  const { prefix } = listing
  const first = after.path.endsWith('/') ? { path: beyond(after.path), id: NO_ID } : after
  const rest = sql`substr(f.path, length(${prefix}::text) + 1)`
  const next = (path: SQL, id: SQL) => sql`
    SELECT f.id, f.path, CASE WHEN ${rest} LIKE '%/%' THEN ${prefix}::text || split_part(${rest}, '/', 1) || '/' END AS folder
    FROM agentcache_assets f
    WHERE f.account_id = ${accountId} AND ${within(listing)} AND (f.path, f.id) > (${path}, ${id}) ORDER BY f.path, f.id LIMIT 1`
  return sql`
    WITH RECURSIVE walk AS (
      (SELECT 1 AS n, step.* FROM (${next(sql`${first.path}`, sql`${first.id}::uuid`)}) step)
      UNION ALL
      SELECT walk.n + 1, step.* FROM walk CROSS JOIN LATERAL (
        ${next(
          sql`(CASE WHEN walk.folder IS NULL THEN walk.path ELSE rtrim(walk.folder, '/') || '0' END) COLLATE "C"`,
          sql`CASE WHEN walk.folder IS NULL THEN walk.id ELSE ${NO_ID}::uuid END`,
        )}
      ) step
      WHERE walk.n < ${listing.limit + 1}
    )
    SELECT f.id, coalesce(walk.folder, walk.path) AS path, f.size_bytes, f.content_type, f.created_at, f.updated_at,
      f.trashed_at, b.file_hash, b.verified
    FROM walk
    LEFT JOIN agentcache_assets f ON f.id = walk.id AND walk.folder IS NULL
    LEFT JOIN file_hashes b ON b.id = f.blob_id
    ORDER BY walk.n`
}

/** The first path after everything in a folder: "0" follows "/". */
function beyond(folder: string): string {
  return `${folder.slice(0, -1)}0`
}

function within({ prefix, trashed }: Listing): SQL {
  const state = trashed ? sql`f.trashed_at IS NOT NULL` : sql`f.trashed_at IS NULL`
  return prefix === ''
    ? state
    : sql`${state} AND f.path >= ${prefix} AND f.path < ${prefix} || chr(1114111)`
}
