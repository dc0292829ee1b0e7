import { BANDS } from '../content/bands.ts'
import { averageBytesOf } from '../content/chunk-sizes.ts'
import { COPY_SOURCE_BYTES_MIN } from '../content/plan-delta.ts'
import type { Sketch } from '../content/sketch.ts'
import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { likeStatement, subjectOf } from '../similar/candidates.ts'
import { rankSimilar, type Similar } from '../similar/rank.ts'
import { signManifestDownload } from '../storage/sign-manifest.ts'
import { type SQL, sql } from '../vendor/orm.js'
import type { Candidate } from './decide-statement.ts'
import type { UsableStore } from './usable-store.ts'

/** A stored file that a changed version may take parts from. `similarity` is null where nobody measured it. */
export type Base = {
  fileId: string
  path: string
  fileSize: number
  storageKey: string
  manifestBytes: number
  similarity: number | null
}

/** A base as a client is told of it: `manifestUrl` is a presigned GET, and what it gives may be missing. */
export type OfferedBase = Omit<Base, 'storageKey'> & { manifestUrl: string; expiresAt: string }

/** Of a candidate, by its path: the file it names, the live file that has its path, the one most like it. */
export type KnownBases = Map<string, Known>
type Known = { named: Base | null; former: Base | null; similar: Base | null }

type Wanting = Pick<Candidate, 'path' | 'baseFileId'>
type Comparable = Pick<Candidate, 'path' | 'fileSize' | 'sketch'>

/** What shares less saves less than it costs to look at. */
const SIMILARITY_MIN = 0.5
/** Of each band's index so many entries are looked at, and so many contents compared. */
const LIKE = { perBand: 64, limit: 8, share: SIMILARITY_MIN, enough: BANDS }

/** The candidates that a base is looked for: of several parts, where the store says what it copied. */
export function wantingBases(
  candidates: readonly Candidate[],
  { checksum, copyDigest }: UsableStore,
): Candidate[] {
  if (checksum !== 'sha256' || !copyDigest) return []
  return candidates.filter(({ partCount }) => partCount > 1)
}

/** Finds what `basesOf` reads, in whatever round trip is under way, by the files' own indexes. Trashed files can be named. */
export function basesStatement(accountId: string, candidates: readonly Wanting[]): SQL {
  const wanted = candidates.map(({ path, baseFileId }) => ({ path, base_file_id: baseFileId }))
  const found = (which: SQL, isNamed: boolean) => sql`
    SELECT w.path AS wanted_by, ${isNamed}::boolean AS is_named, f.id, f.path, b.file_size, b.storage_key, b.manifest_bytes
    FROM wanted w
    CROSS JOIN LATERAL (SELECT * FROM agentcache_assets f WHERE f.account_id = ${accountId} AND ${which} LIMIT 1) f
    JOIN file_hashes b ON b.id = f.blob_id AND b.manifest_bytes > 0 AND b.file_size > ${COPY_SOURCE_BYTES_MIN}`
  return sql`
    WITH wanted AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) AS w(path text, base_file_id uuid)
    )
    ${found(sql`f.id = w.base_file_id`, true)}
    UNION ALL
    ${found(sql`f.path = w.path AND f.trashed_at IS NULL`, false)}`
}

/** Finds files like the candidates that come with a sketch, for `basesOf`, by the indexes of lib/similar. */
export function likeBasesStatement(accountId: string, candidates: readonly Comparable[]): SQL {
  const subjects = candidates.flatMap((candidate) => {
    const sketch = declaredSketch(candidate)
    return sketch
      ? [sql`SELECT ${candidate.path}::text AS wanted_by, s.* FROM (${subjectOf(sketch)}) s`]
      : []
  })
  if (subjects.length === 0) return sql`SELECT WHERE false`
  return likeStatement(accountId, sql.join(subjects, sql` UNION ALL `), LIKE)
}

/** The answers to `basesStatement` and `likeBasesStatement`. */
export function basesOf(
  rows: Row[],
  like: { rows: Row[]; candidates: readonly Comparable[] },
): KnownBases {
  const known: KnownBases = new Map()
  const of = (path: string): Known => {
    const found = known.get(path) ?? { named: null, former: null, similar: null }
    known.set(path, found)
    return found
  }
  for (const row of rows) {
    const kind = column.boolean(row, 'is_named') ? 'named' : 'former'
    of(column.text(row, 'wanted_by'))[kind] = baseOf(row)
  }
  for (const candidate of like.candidates) {
    const sketch = declaredSketch(candidate)
    const own = like.rows.filter((row) => row.wanted_by === candidate.path)
    const ranked = sketch ? rankSimilar(own, sketch, SIMILARITY_MIN) : []
    of(candidate.path).similar = ranked.flatMap(similarBase)[0] ?? null
  }
  return known
}

/**
 * The base that a candidate is offered: the file it names, else the one that has its path, else the one most like it; of those
 * whose chunks compare with its own.
 */
export function chooseBase(candidate: Candidate, known: KnownBases): Base | null {
  const { named = null, former = null, similar = null } = known.get(candidate.path) ?? {}
  return [named, former, similar].find((base) => base && compares(base, candidate)) ?? null
}

/** Tells a client of a base. No I/O. */
export function offerBase({ storageKey, ...base }: Base): OfferedBase {
  const { url: manifestUrl, expiresAt } = signManifestDownload(storageKey)
  return { ...base, manifestUrl, expiresAt }
}

/** Chunks of different averages do not match. */
function compares(base: Base, { fileSize }: Candidate): boolean {
  return averageBytesOf(base.fileSize) === averageBytesOf(fileSize)
}

function baseOf(row: Row): Base {
  return {
    fileId: column.text(row, 'id'),
    path: column.text(row, 'path'),
    fileSize: column.number(row, 'file_size'),
    storageKey: column.text(row, 'storage_key'),
    manifestBytes: column.number(row, 'manifest_bytes'),
    similarity: null,
  }
}

function declaredSketch({ fileSize, sketch }: Comparable): Sketch | null {
  if (!sketch) return null
  const { distinctBytes, bins } = sketch
  return {
    averageBytes: averageBytesOf(fileSize),
    distinctBytes,
    bins: Buffer.from(bins, 'base64'),
  }
}

/** None of a content that was stored without a manifest, or that S3 copies no ranges of. */
function similarBase({ files, ...found }: Similar): Base[] {
  const [file] = files
  if (!file || found.manifestBytes === 0 || found.fileSize <= COPY_SOURCE_BYTES_MIN) return []
  const { fileSize, storageKey, manifestBytes, similarity } = found
  return [{ ...file, fileSize, storageKey, manifestBytes, similarity }]
}
