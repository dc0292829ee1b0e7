import type { Account } from '../accounts/authenticate.ts'
import { type Row, withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { activeEdges, type Edge, edgesOf } from '../edges/catalogue.ts'
import { warnStatement } from '../events/warn-quota.ts'
import { Problem } from '../problem.ts'
import { type Allowance, allowanceOf, allowanceStatement } from '../quota/allowance.ts'
import { sql } from '../vendor/orm.js'
import {
  basesOf,
  basesStatement,
  type KnownBases,
  likeBasesStatement,
  wantingBases,
} from './base.ts'
import { type Candidate, decideStatement } from './decide-statement.ts'
import { type Upload, uploadOf } from './upload.ts'
import type { UsableStore } from './usable-store.ts'

/**
 * What became of a file: a clone of a blob the account has, or a place on an open upload, new or found; `takesManifest`
 * where the upload has a place for the manifest that the file declares.
 */
export type Decision =
  | { kind: 'stored'; fileId: string; contentType: string; verified: boolean }
  | { kind: 'open'; upload: Upload; isNew: boolean; takesManifest: boolean }
  | { kind: 'refused'; problem: Problem }

/** What became of a wish for a clone; `missed` where the account does not store the content. */
export type CloneDecision = Closed | { kind: 'missed' }

type Closed = Exclude<Decision, { kind: 'open' }>

export type Reservation = {
  decisions: Decision[]
  bases: KnownBases
  allowance: Allowance
  edges: Edge[]
}

/**
 * Decides a batch of files in one SQL round trip, under the account's lock: clones what the account already stores,
 * joins uploads that are open, opens the rest, and charges or reserves the quota for exactly those that fit, in order.
 * Finds on the way what changed files may be made of.
 * Paths are distinct within a batch; files of the same content carry the same `uploadId` and `storageKey`.
 */
export async function reserveUploads(
  account: Account,
  candidates: Candidate[],
  { store, uploadVia }: { store: UsableStore; uploadVia: string },
): Promise<Reservation> {
  const { checksum } = store
  const wanting = wantingBases(candidates, store)
  const [allowanceRows = [], edgeRows = [], baseRows = [], likeRows = [], decided = []] =
    await withAccountLocked(account.id, [
      allowanceStatement(account.id),
      activeEdges(),
      basesStatement(account.id, wanting),
      likeBasesStatement(account.id, wanting),
      decideStatement(account.id, candidates, { checksum, uploadVia }),
      warnStatement(sql`a.id = ${account.id}`),
    ])
  const allowance = allowanceOf(allowanceRows)
  const decisions = decided.map((row) => decisionOf(row, allowance))
  return {
    decisions,
    bases: basesOf(baseRows, { rows: likeRows, candidates: wanting }),
    allowance,
    edges: edgesOf(edgeRows),
  }
}

/** The answer to `decideClonesStatement`, in the order of its candidates. */
export function cloneDecisionsOf(rows: Row[], allowance: Allowance): CloneDecision[] {
  return rows.map((row) =>
    column.text(row, 'outcome') === 'miss' ? { kind: 'missed' } : closedDecisionOf(row, allowance),
  )
}

function decisionOf(row: Row, allowance: Allowance): Decision {
  if (!['new', 'join', 'resume'].includes(column.text(row, 'outcome'))) {
    return closedDecisionOf(row, allowance)
  }
  return {
    kind: 'open',
    upload: uploadOf(row),
    isNew: column.boolean(row, 'is_new'),
    takesManifest: column.boolean(row, 'takes_manifest'),
  }
}

/** A decision that leaves nothing to send. */
function closedDecisionOf(row: Row, allowance: Allowance): Closed {
  const outcome = column.text(row, 'outcome')
  if (outcome !== 'clone') return { kind: 'refused', problem: refusal(outcome, row, allowance) }
  return {
    kind: 'stored',
    fileId: column.text(row, 'placed_file_id'),
    contentType: column.text(row, 'placed_type'),
    verified: column.boolean(row, 'verified'),
  }
}

function refusal(outcome: string, row: Row, allowance: Allowance): Problem {
  const { tier, fileBytesMax } = allowance
  if (outcome === 'path-taken') {
    const fileId = column.text(row, 'taken_by')
    const detail = 'A file has this path already, and ifNew was asked for.'
    return new Problem('path-taken', detail, { fileId })
  }
  if (outcome === 'too-large') {
    const detail = `A file of tier ${tier} may have ${fileBytesMax} bytes.`
    return new Problem('too-large', detail, { fileBytesMax })
  }
  return quotaExceeded(allowance, column.number(row, 'size'))
}

function quotaExceeded(allowance: Allowance, neededBytes: number): Problem {
  const { tier, quotaBytes, usedBytes, reservedBytes } = allowance
  const way =
    quotaBytes === 0
      ? `Tier ${tier} includes no storage; a higher tier does.`
      : 'Delete files for good (the trash counts), end open uploads, or move to a higher tier.'
  const detail = `${neededBytes} more bytes do not fit the quota of ${quotaBytes}. ${way}`
  const quota = { quotaBytes, usedBytes, reservedBytes, neededBytes }
  return new Problem('quota-exceeded', detail, { quota })
}
