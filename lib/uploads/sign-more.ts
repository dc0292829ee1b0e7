import type { Account } from '../accounts/authenticate.ts'
import { mapConcurrently } from '../concurrency.ts'
import { FILE_BYTES_MAX, SINGLE_PART_BYTES_MAX } from '../content/layout.ts'
import { inOneTrip, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { activeEdges, edgesOf } from '../edges/catalogue.ts'
import type { Position } from '../edges/distance.ts'
import { type Offer, offerEdges } from '../edges/offer.ts'
import { Problem, type ProblemDocument } from '../problem.ts'
import { allowanceOf, allowanceStatement } from '../quota/allowance.ts'
import { partLifetimeSeconds, type SignedParts } from '../storage/sign-parts.ts'
import { type SQL, sql } from '../vendor/orm.js'
import type { PartsWanted } from './fields.ts'
import { openAtStore } from './open-at-store.ts'
import { partsWithout, type Ranges, rangesOf } from './ranges.ts'
import { recordOpened } from './record-opened.ts'
import { type AnswerBudget, bytesOf, digestsOf, newAnswerBudget, signWithin } from './sign.ts'
import { LATE_PUT_SECONDS, UPLOAD_DAYS, type Upload, uploadOf } from './upload.ts'
import { type UsableStore, usableStore } from './usable-store.ts'

const STORE_CALLS_AT_ONCE = 16
/** How long an upload may be written to; it counts for single PUTs, since ending a multipart upload ends its URLs. */
const SINGLE_PUT_SECONDS = partLifetimeSeconds(SINGLE_PART_BYTES_MAX) + LATE_PUT_SECONDS
const OTHER_SECONDS = partLifetimeSeconds(FILE_BYTES_MAX) + LATE_PUT_SECONDS

export type SignResult =
  | { uploadId: string; storedParts?: Ranges; signed: SignedParts | null }
  | { uploadId: string; problem: ProblemDocument }

type Found = { upload: Upload; partDigests: Buffer }
type Signing = { budget: AnswerBudget; store: UsableStore; bytes: { missing: number } }

/**
 * Signs more parts of open uploads, and renews the grant for their edges. SQL 1 (2 where an upload is found without its
 * S3 side), S3 a listing for each upload whose missing parts are asked for.
 */
export async function signMore(
  account: Account,
  wanted: PartsWanted[],
  position: Position | null,
): Promise<{ results: SignResult[] } & Offer> {
  const store = await usableStore()
  const [allowanceRows = [], edgeRows = [], rows = []] = await inOneTrip([
    allowanceStatement(account.id),
    activeEdges(),
    extendStatement(account.id, wanted),
  ])
  const found = new Map(rows.map((row) => [column.text(row, 'id'), foundOf(row)]))
  const signing = { budget: newAnswerBudget(), store, bytes: { missing: 0 } }
  const results = await mapConcurrently(wanted, STORE_CALLS_AT_ONCE, (one) =>
    signOne(one, found.get(one.uploadId), signing),
  )
  const known = { allowance: allowanceOf(allowanceRows), edges: edgesOf(edgeRows), position }
  return { results, ...offerEdges(account, signing.bytes.missing, known) }
}

/** Says first how long the upload may be written to, keeps the MD5s for completion, then lets the caller sign. */
function extendStatement(accountId: string, wanted: PartsWanted[]): SQL {
  const asked = wanted.map(({ uploadId, md5s }) => ({ id: uploadId, md5s: md5s ?? {} }))
  return sql`
    WITH asked AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) AS a(id uuid, md5s jsonb)
    ), extended AS (
      UPDATE uploads u
      SET urls_expire_at = greatest(u.urls_expire_at, now() + make_interval(secs => CASE WHEN u.part_count = 1 THEN ${SINGLE_PUT_SECONDS} ELSE ${OTHER_SECONDS} END::int)),
          expires_at = now() + make_interval(days => ${UPLOAD_DAYS}),
          part_md5s = u.part_md5s || asked.md5s, updated_at = now()
      FROM asked WHERE u.id = asked.id AND u.account_id = ${accountId} AND u.state = 'open'
      RETURNING u.*
    )
    SELECT * FROM extended
    UNION ALL
    SELECT u.* FROM uploads u JOIN asked USING (id)
    WHERE u.account_id = ${accountId} AND u.id NOT IN (SELECT id FROM extended)`
}

async function signOne(
  wanted: PartsWanted,
  found: Found | undefined,
  signing: Signing,
): Promise<SignResult> {
  const { uploadId } = wanted
  const problem = refusalOf(wanted, found)
  if (!found || problem) return { uploadId, problem: (problem ?? unknownUpload()).document() }

  const { upload, partDigests } = found
  const named = namedParts(upload, wanted)
  const isListed = named.length === 0 || (upload.partCount > 1 && upload.s3UploadId === null)
  const opened = isListed
    ? (await recordOpened([await openAtStore(upload, false, partDigests)])).at(0)
    : { s3UploadId: upload.s3UploadId, storedParts: [] }
  if (!opened) return { uploadId, problem: closed('aborting').document() }

  const missing = named.length > 0 ? named : partsWithout(upload.partCount, opened.storedParts)
  const digests = upload.checksum === 'md5' ? md5sOf(wanted) : digestsOf(partDigests, missing)
  signing.bytes.missing += bytesOf(upload, missing)
  const { s3UploadId, storedParts } = opened
  const signed = signWithin(signing.budget, { upload, s3UploadId, digests }, signing.store)
  return isListed ? { uploadId, storedParts: rangesOf(storedParts), signed } : { uploadId, signed }
}

/** In md5 mode only parts whose MD5 is given can be signed. */
function namedParts(upload: Upload, wanted: PartsWanted): number[] {
  return upload.checksum === 'md5' ? [...md5sOf(wanted).keys()] : (wanted.partNumbers ?? [])
}

function md5sOf({ md5s = {} }: PartsWanted): Map<number, string> {
  return new Map(Object.entries(md5s).map(([partNumber, md5]) => [Number(partNumber), md5]))
}

function refusalOf(wanted: PartsWanted, found: Found | undefined): Problem | null {
  if (!found) return unknownUpload()
  const { state, partCount } = found.upload
  if (state !== 'open') return closed(state)
  const named = [...(wanted.partNumbers ?? []), ...md5sOf(wanted).keys()]
  const outside = named.find((partNumber) => partNumber > partCount)
  return outside === undefined
    ? null
    : new Problem('invalid-request', `The upload has ${partCount} parts, no part ${outside}.`)
}

function foundOf(row: Row): Found {
  return { upload: uploadOf(row), partDigests: column.bytes(row, 'part_digests') }
}

function unknownUpload(): Problem {
  return new Problem('not-found', 'There is no such upload in this account.')
}

function closed(status: string): Problem {
  return new Problem('upload-closed', `The upload is ${status}; nothing can be added to it.`, {
    uploadStatus: status,
  })
}
