import { mapConcurrently, orLeave } from '../concurrency.ts'
import { type Row, uuidArray, withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { deliverSoon } from '../events/deliver-soon.ts'
import { warnStatement } from '../events/warn-quota.ts'
import { describeError, log } from '../log.ts'
import { Problem } from '../problem.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { answersOf, type CompleteResult, describeStatement } from './completed.ts'
import { type Finished, settleStatement } from './settle-statement.ts'
import { type DerivedSketch, derivedSketch } from './sketch.ts'
import { COMPLETION_SECONDS_MAX, UPLOAD_COLUMNS, uploadOf } from './upload.ts'
import { usableStore } from './usable-store.ts'
import { completeAtStore, type Declared } from './verify.ts'

const STORE_CALLS_AT_ONCE = 12
/** No upload is begun later than this, so that the last one usually ends within a function's 60 s. */
const BEGIN_WITHIN_MS = 30_000
/** What the store has not finished by then is left to it: the answer is due, and whoever comes next finds it. */
const ANSWER_WITHIN_MS = 50_000
/** Digests and MD5s of so many parts, some 100 characters a part, stay below what Neon answers (10 MiB). */
const PARTS_PER_CALL_MAX = 50_000

type Claimed = Declared & { token: string; sketch: DerivedSketch | null }
type Outcome = { claim: Claimed; finished?: Finished; problem?: Problem; isLeft?: boolean }

/** Until when uploads are begun, and until when an answer waits for those that are, in ms since 1970. */
export type Deadlines = { beginBefore: number; answerBefore: number }

export function deadlinesFrom(begun: number): Deadlines {
  return { beginBefore: begun + BEGIN_WITHIN_MS, answerBefore: begun + ANSWER_WITHIN_MS }
}

/**
 * Completes uploads of one account; again and again gives the same answer. A completion whose function died, or that was
 * left to a slow store, is taken over after 75 s. What is not begun in time, or fails, is open again afterwards; of more
 * than 50,000 parts together the rest waits for the next call.
 *
 * Round trips, however many uploads: SQL 2 (1 where nothing is left to do); S3 as `completeAtStore`, 12 at once.
 */
export async function completeUploads(
  accountId: string,
  uploadIds: string[],
  deadlines = deadlinesFrom(Date.now()),
): Promise<CompleteResult[]> {
  const [claimedRows = [], known = []] = await withAccountLocked(accountId, [
    claimStatement(accountId, uploadIds),
    describeStatement(accountId, uploadIds),
  ])
  if (claimedRows.length === 0) return answersOf(uploadIds, known, new Map())

  const claims = claimedRows.map(claimOf)
  const outcomes = await mapConcurrently(claims, STORE_CALLS_AT_ONCE, (claim) =>
    completeOne(claim, deadlines),
  )
  const settled = await settle(accountId, uploadIds, outcomes)
  const problems = new Map(outcomes.map(({ claim, problem }) => [claim.upload.id, problem]))
  return answersOf(uploadIds, settled, problems)
}

async function completeOne(
  claim: Claimed,
  { beginBefore, answerBefore }: Deadlines,
): Promise<Outcome> {
  if (Date.now() > beginBefore) return { claim }
  try {
    const completion = completeAtStore(claim, await usableStore())
    const finished = await orLeave(completion, answerBefore - Date.now())
    if (finished === null) return { claim, isLeft: true }
    return { claim, finished: { id: claim.upload.id, sketch: claim.sketch, ...finished } }
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
  const failed = outcomes.filter(({ finished: done, isLeft }) => !done && !isLeft)
  const reopened = failed.map(({ claim }) => claim)
  const [[account] = [], , described = []] = await withAccountLocked(accountId, [
    settleStatement(accountId, finished),
    reopenStatement(reopened),
    describeStatement(accountId, uploadIds),
    warnStatement(sql`a.id = ${accountId}`),
  ])
  if (account?.has_events === true) deliverSoon(accountId)
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
    RETURNING ${UPLOAD_COLUMNS}, u.part_digests, u.part_md5s, u.sketch_bins, u.sketch_distinct_bytes, u.completing_since::text AS token`
}

/** Only whoever claimed an upload may open it again; a later claim has another time. */
function reopenStatement(claims: Claimed[]): SQL {
  const wanted = claims.map(({ upload, token }) => ({ id: upload.id, token }))
  return sql`
    UPDATE uploads u SET state = 'open', completing_since = NULL, updated_at = now()
    FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) AS c(id uuid, token timestamptz)
    WHERE u.id = c.id AND u.state = 'completing' AND u.completing_since = c.token`
}

function claimOf(row: Row): Claimed {
  return {
    upload: uploadOf(row),
    partDigests: column.bytes(row, 'part_digests'),
    partMd5s: column.textRecord(row, 'part_md5s'),
    token: column.text(row, 'token'),
    sketch: derivedSketch(row),
  }
}
