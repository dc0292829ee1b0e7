import type { Account } from '../accounts/authenticate.ts'
import { mapConcurrently } from '../concurrency.ts'
import { type Row, withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { activeEdges, edgesOf } from '../edges/catalogue.ts'
import type { Position } from '../edges/distance.ts'
import { type Offer, offerEdges } from '../edges/offer.ts'
import { readStanding } from '../edges/standing.ts'
import { Problem, type ProblemDocument } from '../problem.ts'
import { allowanceOf, allowanceStatement } from '../quota/allowance.ts'
import type { SignedParts } from '../storage/sign-parts.ts'
import { describeToSign, extendStatement } from './extend-statement.ts'
import type { PartsWanted } from './fields.ts'
import { type Opened, openAtStore } from './open-at-store.ts'
import { partsWithout, type Ranges, rangesOf } from './ranges.ts'
import { recordOpened } from './record-opened.ts'
import { type AnswerBudget, bytesOf, digestsOf, newAnswerBudget, signWithin } from './sign.ts'
import { type Upload, uploadOf } from './upload.ts'
import { type UsableStore, usableStore } from './usable-store.ts'

const STORE_CALLS_AT_ONCE = 16

export type SignResult =
  | { uploadId: string; storedParts?: Ranges; signed: SignedParts | null }
  | { uploadId: string; problem: ProblemDocument }

/** An open upload, its digests, and the parts asked for by name (none: all that miss). */
type Plan = { wanted: PartsWanted; upload: Upload; partDigests: Buffer; named: number[] }
type Signing = { budget: AnswerBudget; store: UsableStore; bytes: { missing: number } }

/**
 * Signs more parts of open uploads, and renews the grant for their edges. Uploads that one answer has no room for are
 * answered without signatures.
 *
 * Round trips, however many uploads: SQL 1 and Redis 1 at once (SQL 2 where one is found without its S3 side), S3 a listing
 * for each upload whose missing parts are asked for, 16 at once.
 */
export async function signMore(
  account: Account,
  wanted: readonly PartsWanted[],
  position: Position | null,
): Promise<{ results: SignResult[] } & Offer> {
  const store = await usableStore()
  const uploadIds = wanted.map(({ uploadId }) => uploadId)
  const [[allowanceRows = [], edgeRows = [], , rows = []], standing] = await Promise.all([
    withAccountLocked(account.id, [
      allowanceStatement(account.id),
      activeEdges(),
      extendStatement(account.id, wanted),
      describeToSign(account.id, uploadIds),
    ]),
    readStanding({ accountId: account.id, position }),
  ])
  const found = new Map(rows.map((row) => [column.text(row, 'id'), row]))
  const plans = wanted.map((one) => planOf(one, found.get(one.uploadId)))
  const opened = await openListed(account.id, plans)

  const signing = { budget: newAnswerBudget(), store, bytes: { missing: 0 } }
  const results = plans.map((plan, index): SignResult => {
    const uploadId = wanted[index]?.uploadId ?? ''
    if (plan instanceof Problem) return { uploadId, problem: plan.document() }
    return plan === null ? { uploadId, signed: null } : signOne(plan, opened, signing)
  })
  const allowance = allowanceOf(allowanceRows)
  const known = { allowance, edges: edgesOf(edgeRows), standing, position }
  return { results, ...offerEdges(account, signing.bytes.missing, known) }
}

/** What to do for an upload, why not, or null where the answer has no room for it. */
function planOf(wanted: PartsWanted, row: Row | undefined): Plan | Problem | null {
  if (!row) return new Problem('not-found', 'There is no such upload in this account.')
  const upload = uploadOf(row)
  if (upload.state !== 'open') return closed(upload.state)

  const { partCount } = upload
  const outside = [...(wanted.partNumbers ?? []), ...md5sOf(wanted).keys()].find(
    (partNumber) => partNumber > partCount,
  )
  if (outside !== undefined)
    return new Problem('invalid-request', `The upload has ${partCount} parts, no part ${outside}.`)

  const partDigests = column.bytesOrNull(row, 'part_digests')
  return partDigests && { wanted, upload, partDigests, named: namedParts(upload, wanted) }
}

/** In md5 mode only parts whose MD5 is given can be signed. */
function namedParts(upload: Upload, wanted: PartsWanted): number[] {
  if (upload.checksum === 'md5') return [...md5sOf(wanted).keys()]
  return [...new Set(wanted.partNumbers)]
}

function md5sOf({ md5s = {} }: PartsWanted): Map<number, string> {
  return new Map(Object.entries(md5s).map(([partNumber, md5]) => [Number(partNumber), md5]))
}

function isListed({ upload, named }: Plan): boolean {
  return named.length === 0 || (upload.partCount > 1 && upload.s3UploadId === null)
}

async function openListed(
  accountId: string,
  plans: (Plan | Problem | null)[],
): Promise<Map<string, Opened>> {
  const listed = plans.flatMap((plan) =>
    plan === null || plan instanceof Problem || !isListed(plan) ? [] : [plan],
  )
  const opened = await mapConcurrently(listed, STORE_CALLS_AT_ONCE, ({ upload, partDigests }) =>
    openAtStore(upload, false, partDigests),
  )
  const recorded = await recordOpened(accountId, opened)
  return new Map(recorded.map((one) => [one.upload.id, one]))
}

function signOne(plan: Plan, opened: Map<string, Opened>, signing: Signing): SignResult {
  const { wanted, upload, partDigests, named } = plan
  const { uploadId } = wanted
  const found = isListed(plan) ? opened.get(upload.id) : { ...upload, storedParts: [] }
  if (!found) return { uploadId, problem: closed('aborting').document() }

  const { s3UploadId, storedParts } = found
  const missing = named.length > 0 ? named : partsWithout(upload.partCount, storedParts)
  const digests = upload.checksum === 'md5' ? md5sOf(wanted) : digestsOf(partDigests, missing)
  signing.bytes.missing += bytesOf(upload, missing)
  const signed = signWithin(signing.budget, { upload, s3UploadId, digests }, signing.store)
  return isListed(plan)
    ? { uploadId, storedParts: rangesOf(storedParts), signed }
    : { uploadId, signed }
}

function closed(status: string): Problem {
  return new Problem('upload-closed', `The upload is ${status}; nothing can be added to it.`, {
    uploadStatus: status,
  })
}
