import type { Account } from '../accounts/authenticate.ts'
import { mapConcurrently } from '../concurrency.ts'
import type { Position } from '../edges/distance.ts'
import { type Offer, offerEdges } from '../edges/offer.ts'
import { readStanding } from '../edges/standing.ts'
import { Problem } from '../problem.ts'
import { releaseDueUploads } from './abort.ts'
import { candidatesOf } from './candidates.ts'
import type { Candidate } from './decide-statement.ts'
import type { NewFile } from './fields.ts'
import { type Opened, openAtStore } from './open-at-store.ts'
import { recordOpened } from './record-opened.ts'
import { type Decision, type Reservation, reserveUploads } from './reserve.ts'
import { bytesOf, newAnswerBudget } from './sign.ts'
import { resultOf, type StartResult } from './started.ts'
import { usableStore } from './usable-store.ts'

const STORE_CALLS_AT_ONCE = 16

/**
 * Starts or resumes uploads. Files that are a `Problem` already keep their place in the answer and fail alone.
 *
 * Round trips, however many files: SQL 1 and Redis 1 at once; SQL 1 more when an upload of several parts is new (1 to 3 when
 * the quota is full and ended uploads may free some); S3 1 for each upload of several parts and for each found one, 16 at once.
 */
export async function startUploads(
  account: Account,
  wanted: readonly (NewFile | Problem)[],
  { uploadVia, position }: { uploadVia: string; position: Position | null },
): Promise<{ results: StartResult[] } & Offer> {
  const store = await usableStore()
  const judged = await candidatesOf(account, wanted)
  const candidates = judged.flatMap((file) => (file instanceof Problem ? [] : [file]))

  const [reservation, standing] = await Promise.all([
    reserveOrRelease(account, candidates, { store, uploadVia }),
    readStanding({ accountId: account.id, position }),
  ])
  const opened = await openAll(account.id, candidates, reservation.decisions)

  const starting = { opened, bases: reservation.bases, budget: newAnswerBudget(), store }
  const decided = candidates.map((candidate, index) =>
    resultOf(candidate, reservation.decisions[index] ?? unreachable(), starting),
  )
  const results = judged.map((file, index): StartResult => {
    if (!(file instanceof Problem)) return decided[candidates.indexOf(file)] ?? unreachable()
    const asked = wanted[index]
    return { path: asked && 'path' in asked ? asked.path : null, problem: file.document() }
  })
  const known = { ...reservation, standing, position }
  return { results, ...offerEdges(account, missingBytes(opened), known) }
}

/** Before the quota refuses, uploads that ended give back what nothing can use any more. */
async function reserveOrRelease(
  account: Account,
  candidates: Candidate[],
  options: Parameters<typeof reserveUploads>[2],
): Promise<Reservation> {
  const first = await reserveUploads(account, candidates, options)
  const refused = candidates.filter((_, index) => isOverQuota(first.decisions[index]))
  if (refused.length === 0 || first.allowance.reservedBytes === 0) return first
  if ((await releaseDueUploads(account.id)) === 0) return first

  // Only what was refused is asked again: a clone that was placed would meet itself.
  const second = await reserveUploads(account, refused, options)
  const again = second.decisions.values()
  const decisions = first.decisions.map((one) =>
    isOverQuota(one) ? (again.next().value ?? unreachable()) : one,
  )
  return { ...second, decisions, bases: first.bases }
}

function isOverQuota(decision: Decision | undefined): boolean {
  return decision?.kind === 'refused' && decision.problem.slug === 'quota-exceeded'
}

async function openAll(
  accountId: string,
  candidates: Candidate[],
  decisions: Decision[],
): Promise<Map<string, Opened>> {
  const distinct = new Map(
    decisions.flatMap((decision, index) => {
      const digests = candidates[index]?.partDigests
      if (decision.kind !== 'open' || decision.upload.state !== 'open' || !digests) return []
      return [[decision.upload.id, { ...decision, digests }] as const]
    }),
  )
  const opened = await mapConcurrently([...distinct.values()], STORE_CALLS_AT_ONCE, (one) =>
    openAtStore(one.upload, one.isNew, one.digests),
  )
  const recorded = await recordOpened(accountId, opened)
  return new Map(recorded.map((one) => [one.upload.id, one]))
}

function missingBytes(opened: Map<string, Opened>): number {
  const bytes = [...opened.values()].map(
    ({ upload, storedParts }) => upload.fileSize - bytesOf(upload, storedParts),
  )
  return bytes.reduce((sum, one) => sum + one, 0)
}

function unreachable(): never {
  throw new Error('a file of the batch has no decision')
}
