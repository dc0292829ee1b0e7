import { BANDS } from '../content/bands.ts'
import { averageBytesOf } from '../content/chunk-sizes.ts'
import type { Sketch } from '../content/sketch.ts'
import { inOneTrip, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { mismatchOf } from '../duplicates/mismatch.ts'
import { Problem } from '../problem.ts'
import { faultOfDescription } from '../uploads/manifest.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { LIVE_FILES, likeStatement, SUBJECT_COLUMNS, subjectOf } from './candidates.ts'
import { filesOf, liveFilesOf, rankSimilar, type SimilarFile, sketchOfRow, tells } from './rank.ts'

/** So many contents are compared for one answer. */
const CANDIDATES = 200

/** A content about to be uploaded. With its id, files of the very same content are found, too, whatever its sketch says. */
type Content = {
  fileSize: number
  fileHash?: string | undefined
  /** As clients send it: bins in base64. */
  sketch: { distinctBytes: number; bins: string }
}

/** What others are to be like: a file of the account, live or in the trash, or a content. */
export type Asked = { fileId: string } | Content

/** `compared` is false where there is nothing to compare by; then only files of the same content are told. */
export type SimilarFiles = { files: SimilarFile[]; compared: boolean }

/**
 * The account's live files that share at least `threshold` of the larger one's bytes, the most alike first, at most `limit`;
 * those of the very same content come before all others, with 1. What is asked about is not among them. SQL 1.
 *
 * @throws Problem `not-found`; `content-mismatch` when content id or sketch cannot be those of a file of this size
 */
export async function findSimilar(
  accountId: string,
  asked: Asked,
  { threshold, limit }: { threshold: number; limit: number },
): Promise<SimilarFiles> {
  const { same, subject, sketch } =
    'fileId' in asked ? aboutFile(accountId, asked.fileId) : aboutContent(accountId, asked)
  const bounds = { limit: CANDIDATES, perBand: CANDIDATES, share: threshold, enough: BANDS }
  const like = likeStatement(accountId, subject, bounds)
  const [[known] = [], candidates = []] = await inOneTrip([same, like])
  if ('fileId' in asked && !known) {
    throw new Problem('not-found', 'There is no such file in this account.')
  }

  const own = sketch ?? sketchIn(known)
  const others = candidates.filter(({ id }) => id !== known?.id)
  const ranked = own === null ? [] : rankSimilar(others, own, threshold)
  const files = [...(known ? sameFiles(known) : []), ...ranked.flatMap(filesOf)]
  return {
    files: files.filter(({ fileId }) => !isAbout(asked, fileId)).slice(0, limit),
    compared: own !== null && tells(own),
  }
}

/** What is known of the content itself, what to look for, and its sketch where that is not in the database. */
type About = { same: SQL; subject: SQL; sketch: Sketch | null }

function aboutFile(accountId: string, fileId: string): About {
  const file = sql`f.account_id = ${accountId} AND f.id = ${fileId}`
  return {
    same: sameStatement(sql`b.id IN (SELECT f.blob_id FROM agentcache_assets f WHERE ${file})`),
    subject: sql`SELECT ${SUBJECT_COLUMNS} FROM agentcache_assets f JOIN blob_sketches s ON s.blob_id = f.blob_id WHERE ${file}`,
    sketch: null,
  }
}

function aboutContent(accountId: string, content: Content): About {
  const fault = faultOf(content)
  if (fault) throw fault
  const { fileSize, fileHash, sketch } = content
  const own = {
    averageBytes: averageBytesOf(fileSize),
    distinctBytes: sketch.distinctBytes,
    bins: Buffer.from(sketch.bins, 'base64'),
  }
  return {
    same: sameStatement(sql`b.account_id = ${accountId} AND b.state = 'live'
      AND b.file_hash = ${fileHash ?? null} AND b.file_size = ${fileSize}`),
    subject: subjectOf(own),
    sketch: own,
  }
}

function faultOf({ fileSize, fileHash, sketch }: Content): Problem | null {
  const mismatch = fileHash === undefined ? null : mismatchOf({ fileHash, fileSize })
  return mismatch ?? faultOfDescription({ fileSize, sketch })
}

function sameStatement(which: SQL): SQL {
  return sql`
    SELECT b.id, b.file_hash, b.file_size, s.average_bytes, s.distinct_bytes, s.bins, ${LIVE_FILES} AS files
    FROM file_hashes b LEFT JOIN blob_sketches s ON s.blob_id = b.id WHERE ${which}`
}

function sketchIn(known: Row | undefined): Sketch | null {
  return known && known.bins !== null ? sketchOfRow(known) : null
}

function sameFiles(known: Row): SimilarFile[] {
  return filesOf({
    fileHash: column.text(known, 'file_hash'),
    fileSize: column.number(known, 'file_size'),
    similarity: 1,
    files: liveFilesOf(known),
  })
}

function isAbout(asked: Asked, fileId: string): boolean {
  return 'fileId' in asked && asked.fileId === fileId
}
