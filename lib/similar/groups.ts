import { inOneTrip, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { LIVE_FILES, likeStatement, SUBJECT_COLUMNS } from './candidates.ts'
import { filesOf, liveFilesOf, rankSimilar, type SimilarFile, sketchOfRow } from './rank.ts'

/** For each content: of a family of more, some are looked at, and it may come as several groups. */
const PER_BAND = 64
const CANDIDATES = 16
/** A chance meeting is one of one band; whoever meets in two is preferred by content id alone, so that a family agrees. */
const BANDS_ENOUGH = 2
/** A page ends early when its groups have so many files. */
const FILES_MAX = 2000

const HASH = /^sha256:[0-9a-f]{64}(-[1-9]\d{0,4})?$/
const SIZE = /^\d{1,13}$/

export type Paging = { threshold: number; limit: number; cursor?: string | undefined }

/** Files of one content (`fileHash`, `fileSize`), with 1, and those like it. */
export type Group = { fileHash: string; fileSize: number; files: SimilarFile[] }

export type GroupPage = { groups: Group[]; cursor: string | null }

/**
 * Likely duplicates in a whole account, a page of `limit` stored contents looked at. A content is put to the first, by content
 * id, of those that it is like; where it is the first itself, they are put to it. So every file in a group shares at least
 * `threshold` with the first, and nothing has to be remembered from page to page: a group may come again with further files.
 * A page may have no groups. SQL 1, of at most 8 × 64 index entries and 16 comparisons for each content.
 *
 * @throws Problem `invalid-request` for a cursor of something else
 */
export async function listGroups(accountId: string, paging: Paging): Promise<GroupPage> {
  const page = pageStatement(accountId, paging)
  const { threshold, limit } = paging
  const bounds = { limit: CANDIDATES, perBand: PER_BAND, share: threshold, enough: BANDS_ENOUGH }
  const subjects = sql`SELECT b.id AS w_id, ${SUBJECT_COLUMNS} FROM (${page}) b JOIN blob_sketches s ON s.blob_id = b.id`
  const [contents = [], pairs = []] = await inOneTrip([
    contentsStatement(page),
    likeStatement(accountId, subjects, bounds),
  ])

  const groups = createGroups()
  let last: Row | undefined
  for (const content of contents) {
    const others = pairs.filter(({ w_id, id }) => w_id === content.id && id !== content.id)
    groups.add(content, neighboursOf(content, others, threshold))
    last = content
    if (groups.fileCount() >= FILES_MAX) break
  }
  const isLast = contents.length < limit && last === contents.at(-1)
  return { groups: groups.list(), cursor: last && !isLast ? cursorOf(last) : null }
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

function cursorOf(content: Row): string {
  return encodeCursor([column.text(content, 'file_hash'), `${column.number(content, 'file_size')}`])
}

/** A content with its live files, as like another one as `similarity` says. */
type Member = Parameters<typeof filesOf>[0]

function neighboursOf(content: Row, others: Row[], threshold: number): Member[] {
  return content.bins === null ? [] : rankSimilar(others, sketchOfRow(content), threshold)
}

/** Groups being formed, by their first content. */
function createGroups() {
  const groups = new Map<string, { first: Member; files: Map<string, SimilarFile> }>()

  function groupOf(first: Member) {
    const key = keyOf(first)
    const group = groups.get(key) ?? { first, files: new Map() }
    groups.set(key, group)
    return group
  }

  function add(content: Row, neighbours: Member[]): void {
    const own = memberOf(content)
    if (own.files.length === 0) return
    const first = neighbours.reduce((a, b) => (keyOf(b) < keyOf(a) ? b : a), own)
    const { files } = groupOf(first)
    const others = first === own ? neighbours : [{ ...own, similarity: first.similarity }]
    const members = [{ ...first, similarity: 1 }, ...others]
    for (const file of members.flatMap(filesOf)) files.set(file.fileId, file)
  }

  function list(): Group[] {
    return [...groups.values()]
      .filter(({ files }) => files.size > 1)
      .map(({ first, files }) => ({
        fileHash: first.fileHash,
        fileSize: first.fileSize,
        files: [...files.values()],
      }))
  }

  /** Those of groups of one, too, which are not listed. */
  const fileCount = () => [...groups.values()].reduce((sum, { files }) => sum + files.size, 0)
  return { add, list, fileCount }
}

function keyOf({ fileHash, fileSize }: Member): string {
  return `${fileHash} ${fileSize}`
}

function memberOf(content: Row): Member {
  return {
    fileHash: column.text(content, 'file_hash'),
    fileSize: column.number(content, 'file_size'),
    similarity: 1,
    files: liveFilesOf(content),
  }
}
