import { averageBytesOf } from '../content/chunk-sizes.ts'
import { COPY_SOURCE_BYTES_MIN } from '../content/plan-delta.ts'
import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
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

/** Of a candidate, by its path: the file it names, the live file that has its path. */
export type KnownBases = Map<string, { named: Base | null; former: Base | null }>

type Wanting = Pick<Candidate, 'path' | 'baseFileId'>

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

/** The answer to `basesStatement`. */
export function basesOf(rows: Row[]): KnownBases {
  const known: KnownBases = new Map()
  for (const row of rows) {
    const path = column.text(row, 'wanted_by')
    const of = known.get(path) ?? { named: null, former: null }
    if (column.boolean(row, 'is_named')) of.named = baseOf(row)
    else of.former = baseOf(row)
    known.set(path, of)
  }
  return known
}

/**
 * The base that a candidate is offered: the file it names, else the one that has its path, else the `similar` one of
 * lib/similar; of those whose chunks compare with its own.
 */
export function chooseBase(
  candidate: Candidate,
  known: KnownBases,
  similar: Base | null,
): Base | null {
  const { named, former } = known.get(candidate.path) ?? { named: null, former: null }
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
