import type { Account } from '../accounts/authenticate.ts'
import { query, withAccountLocked } from '../db/client.ts'
import { warnStatement } from '../events/warn-quota.ts'
import { Problem } from '../problem.ts'
import { allowanceOf, allowanceStatement } from '../quota/allowance.ts'
import { type CloneCandidate, decideClonesStatement } from '../uploads/decide-statement.ts'
import { type CloneDecision, cloneDecisionsOf } from '../uploads/reserve.ts'
import { sql } from '../vendor/orm.js'
import { type DuplicateCheck, hitOf, missOf } from './answer.ts'
import { contentKey, type Duplicate, duplicatesOf, duplicatesStatement } from './find.ts'
import { mismatchOf } from './mismatch.ts'

const CLONED_VIA = 'api'

/** A content, and where it should be put if it is here already. */
export type Checked = {
  fileHash: string
  fileSize: number
  /** Only told back in the message. */
  fileName?: string | undefined
  path?: string | undefined
  ifNew: boolean
}

type Found = { duplicates: Map<string, Duplicate>; clones: Map<Checked, CloneDecision> }

/**
 * Says of each content whether the account stores it, in the order asked; where one that is stored was given a path, it
 * becomes a file there. A refusal (`invalid-request` for a repeated path, `content-mismatch`, `path-taken`,
 * `quota-exceeded`, `too-large`) keeps its place and fails alone. SQL 1, however many; with a path under the account's lock.
 */
export async function checkDuplicates(
  account: Account,
  wanted: readonly (Checked | Problem)[],
): Promise<(DuplicateCheck | Problem)[]> {
  const judged = refuseRepeatedPaths(wanted.map(orMismatch))
  const checked = judged.flatMap((one) => (one instanceof Problem ? [] : [one]))
  const found = await find(account.id, checked)
  return judged.map((one) => (one instanceof Problem ? one : answerOf(one, found)))
}

function orMismatch(one: Checked | Problem): Checked | Problem {
  return one instanceof Problem ? one : (mismatchOf(one) ?? one)
}

function refuseRepeatedPaths(wanted: (Checked | Problem)[]): (Checked | Problem)[] {
  const seen = new Set<string>()
  return wanted.map((one) => {
    if (one instanceof Problem || one.path === undefined) return one
    if (seen.has(one.path))
      return new Problem('invalid-request', '/path: this path appears twice in the call')
    seen.add(one.path)
    return one
  })
}

async function find(accountId: string, checked: Checked[]): Promise<Found> {
  if (checked.length === 0) return { duplicates: new Map(), clones: new Map() }
  const placed = checked.flatMap((one) => (one.path === undefined ? [] : [one]))
  if (placed.length === 0) {
    const rows = await query(duplicatesStatement(accountId, checked))
    return { duplicates: duplicatesOf(rows), clones: new Map() }
  }

  const [allowance = [], decided = [], duplicates = []] = await withAccountLocked(accountId, [
    allowanceStatement(accountId),
    decideClonesStatement(accountId, placed.map(candidateOf), CLONED_VIA),
    duplicatesStatement(accountId, checked),
    warnStatement(sql`a.id = ${accountId}`),
  ])
  const decisions = cloneDecisionsOf(decided, allowanceOf(allowance))
  const clones = placed.map((one, index) => [one, decisions[index] ?? unreachable()] as const)
  return { duplicates: duplicatesOf(duplicates), clones: new Map(clones) }
}

function candidateOf({ path, fileHash, fileSize, ifNew }: Checked): CloneCandidate {
  return { path: path ?? unreachable(), fileHash, fileSize, ifNew }
}

function answerOf(one: Checked, { duplicates, clones }: Found): DuplicateCheck | Problem {
  const decision = clones.get(one)
  if (decision?.kind === 'refused') return decision.problem
  const duplicate = duplicates.get(contentKey(one))
  if (!duplicate) return missOf(one.fileName)
  if (decision?.kind !== 'stored') return hitOf(duplicate, null, one.fileName)
  return hitOf(duplicate, { ...decision, path: one.path ?? unreachable() }, one.fileName)
}

function unreachable(): never {
  throw new Error('a file that wants a place has no decision')
}
