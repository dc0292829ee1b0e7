import { mapConcurrently } from '../concurrency.ts'
import { type Row, uuidArray, withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { describeError, log } from '../log.ts'
import { Problem, type ProblemDocument } from '../problem.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { type Finished, settleStatement } from './settle-statement.ts'
import { COMPLETION_SECONDS_MAX, UPLOAD_COLUMNS, uploadOf } from './upload.ts'
import { usableStore } from './usable-store.ts'
import { completeAtStore, type Declared } from './verify.ts'

const STORE_CALLS_AT_ONCE = 12
/** No upload is begun later than this, so that the last one still ends within a function's 60 s. */
const BEGIN_WITHIN_MS = 30_000
const RETRY_SECONDS = 2
/** Digests and MD5s of so many parts, some 100 characters a part, stay below what Neon answers (10 MiB). */
const PARTS_PER_CALL_MAX = 50_000

/** Where the content of a completed upload went: a file, or `path-taken` where `ifNew` refused. */
export type PlacedTarget =
  | { path: string; fileId: string }
  | { path: string; problem: ProblemDocument }

export type CompleteResult =
  | {
      uploadId: string
      status: 'stored'
      fileHash: string
      fileSize: number
      verified: boolean
      files: PlacedTarget[]
    }
  | { uploadId: string; status: 'completing'; retryAfterSeconds: number }
  | { uploadId: string; problem: ProblemDocument }

type Claimed = Declared & { token: string }
type Outcome = { claim: Claimed; finished?: Finished; problem?: Problem }

/**
 * Completes uploads of one account; again and again gives the same answer. A completion whose function died is taken
 * over after 75 s. What is not begun before `beginBefore` (ms since 1970), or fails, is open again afterwards; of more
 * than 50,000 parts together the rest waits for the next call.
 *
 * Round trips, however many uploads: SQL 2 (1 where nothing is left to do); S3 as `completeAtStore`, 12 at once.
 */
export async function completeUploads(
  accountId: string,
  uploadIds: string[],
  beginBefore = Date.now() + BEGIN_WITHIN_MS,
): Promise<CompleteResult[]> {
  const [claimedRows = [], known = []] = await withAccountLocked(accountId, [
    claimStatement(accountId, uploadIds),
    describeStatement(accountId, uploadIds),
  ])
  if (claimedRows.length === 0) return answersOf(uploadIds, known, new Map())

  const claims = claimedRows.map(claimOf)
  const outcomes = await mapConcurrently(claims, STORE_CALLS_AT_ONCE, (claim) =>
    completeOne(claim, beginBefore),
  )
  const settled = await settle(accountId, uploadIds, outcomes)
  const problems = new Map(outcomes.map(({ claim, problem }) => [claim.upload.id, problem]))
  return answersOf(uploadIds, settled, problems)
}

async function completeOne(claim: Claimed, beginBefore: number): Promise<Outcome> {
  if (Date.now() > beginBefore) return { claim }
  try {
    const finished = await completeAtStore(claim, await usableStore())
    return { claim, finished: { id: claim.upload.id, ...finished } }
  } catch (error) {
    // One upload's failure is its own answer; the others of the batch go on.
    if (error instanceof Problem) return { claim, problem: error }
    log('error', 'an upload cannot be completed', {
      uploadId: claim.upload.id,
      ...describeError(error),
    })
    return {
      claim,
      problem: new Problem('internal', 'The upload could not be completed; it is open again.'),
    }
  }
}

async function settle(accountId: string, uploadIds: string[], outcomes: Outcome[]): Promise<Row[]> {
  const finished = outcomes.flatMap((outcome) => outcome.finished ?? [])
  const reopened = outcomes.filter((outcome) => !outcome.finished).map(({ claim }) => claim)
  const [, , described = []] = await withAccountLocked(accountId, [
    settleStatement(accountId, finished),
    reopenStatement(reopened),
    describeStatement(accountId, uploadIds),
  ])
  return described
}

function claimStatement(accountId: string, uploadIds: string[]): SQL {
  return sql`
    WITH ready AS (
      SELECT id, sum(part_count) OVER (ORDER BY created_at, id) AS parts FROM uploads
      WHERE account_id = ${accountId} AND id = ANY(${uuidArray(uploadIds)}::uuid[]) AND (state = 'open' OR (
        state = 'completing' AND completing_since < now() - make_interval(secs => ${COMPLETION_SECONDS_MAX})))
    )
    UPDATE uploads u SET state = 'completing', completing_since = now(), updated_at = now()
    FROM ready WHERE u.id = ready.id AND ready.parts <= ${PARTS_PER_CALL_MAX}
    RETURNING ${UPLOAD_COLUMNS}, u.part_digests, u.part_md5s, u.completing_since::text AS token`
}

/** Only whoever claimed an upload may open it again; a later claim has another time. */
function reopenStatement(claims: Claimed[]): SQL {
  const wanted = claims.map(({ upload, token }) => ({ id: upload.id, token }))
  return sql`
    UPDATE uploads u SET state = 'open', completing_since = NULL, updated_at = now()
    FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) AS c(id uuid, token timestamptz)
    WHERE u.id = c.id AND u.state = 'completing' AND u.completing_since = c.token`
}

function describeStatement(accountId: string, uploadIds: string[]): SQL {
  return sql`
    SELECT u.id, u.state, u.file_hash, u.file_size, coalesce(b.verified, u.checksum = 'sha256') AS verified,
      (SELECT jsonb_agg(jsonb_build_object('path', t.path, 'fileId', t.file_id) ORDER BY t.path)
       FROM upload_targets t WHERE t.upload_id = u.id) AS targets
    FROM uploads u LEFT JOIN file_hashes b ON b.id = u.blob_id
    WHERE u.account_id = ${accountId} AND u.id = ANY(${uuidArray(uploadIds)}::uuid[])`
}

function claimOf(row: Row): Claimed {
  return {
    upload: uploadOf(row),
    partDigests: column.bytes(row, 'part_digests'),
    partMd5s: column.textRecord(row, 'part_md5s'),
    token: column.text(row, 'token'),
  }
}

function answersOf(
  uploadIds: string[],
  rows: Row[],
  problems: Map<string, Problem | undefined>,
): CompleteResult[] {
  const byId = new Map(rows.map((row) => [column.text(row, 'id'), row]))
  return uploadIds.map((uploadId) => {
    const row = byId.get(uploadId)
    if (!row) return { uploadId, problem: notFound().document() }
    return answerOf(uploadId, row, problems.get(uploadId))
  })
}

function answerOf(uploadId: string, row: Row, problem: Problem | undefined): CompleteResult {
  const state = column.text(row, 'state')
  if (state === 'done') {
    const fileHash = column.text(row, 'file_hash')
    const fileSize = column.number(row, 'file_size')
    const verified = column.boolean(row, 'verified')
    return { uploadId, status: 'stored', fileHash, fileSize, verified, files: placedTargets(row) }
  }
  if (state === 'aborting' || state === 'aborted')
    return { uploadId, problem: closed(state).document() }
  if (problem) return { uploadId, problem: problem.document() }
  return { uploadId, status: 'completing', retryAfterSeconds: RETRY_SECONDS }
}

function placedTargets(row: Row): PlacedTarget[] {
  return column.targets(row, 'targets').map(({ path, fileId }) => {
    if (fileId !== null) return { path, fileId }
    const taken = new Problem(
      'path-taken',
      'A file had this path already, and ifNew was asked for.',
    )
    return { path, problem: taken.document() }
  })
}

function notFound(): Problem {
  return new Problem('not-found', 'There is no such upload in this account.')
}

function closed(state: string): Problem {
  return new Problem('upload-closed', `The upload is ${state}; start again.`, {
    uploadStatus: state,
  })
}
