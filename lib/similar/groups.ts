import { inOneTrip, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { cursorAfter, type Paging, pageStatements } from './page.ts'
import { filesOf, liveFilesOf, rankSimilar, type SimilarFile, sketchOfRow } from './rank.ts'

/** A page ends early when its groups have so many files. */
const FILES_MAX = 2000

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
  const { threshold, limit } = paging
  const [contents = [], pairs = []] = await inOneTrip(pageStatements(accountId, paging))

  const groups = createGroups()
  let last: Row | undefined
  for (const content of contents) {
    const candidates = pairs.filter(({ w_id }) => w_id === content.id)
    groups.add(content, neighboursOf(content, candidates, threshold))
    last = content
    if (groups.fileCount() >= FILES_MAX) break
  }
  const isLast = contents.length < limit && last === contents.at(-1)
  return { groups: groups.list(), cursor: last && !isLast ? cursorAfter(last) : null }
}

/** A content with its live files, as like another one as `similarity` says. */
type Member = Parameters<typeof filesOf>[0]

/** What a content is like, mostly itself among them. */
function neighboursOf(content: Row, candidates: Row[], threshold: number): Member[] {
  return content.bins === null ? [] : rankSimilar(candidates, sketchOfRow(content), threshold)
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
