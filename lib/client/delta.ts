import type { Chunks } from '../content/chunk.ts'
import { planDelta } from '../content/plan-delta.ts'
import { messageOf, problemOf } from './failure.ts'
import { fetchManifest } from './manifest.ts'
import { numbersOf } from './ranges.ts'
import type { Run } from './run.ts'
import { account, countCopies, sizeOf } from './tally.ts'
import { sendParts, type Transfer } from './transfer.ts'
import type { Range, Ways } from './wire.ts'
import type { CopyAnswer, CopyRun, DeltaBase } from './wire-delta.ts'

/** A delta of up to 1,000 parts costs at most two calls; of larger files a call copies so many. */
const CALLS_MAX = 2
const PARTS_PER_CALL = 500

type Plan = {
  fileId: string
  /** Where a part begins in the base. */
  offsets: Map<number, number>
}

/**
 * Has the store copy the parts that a stored file has, too, while the engine sends the others: those that differ, that the
 * store refuses to copy, or that it has no time for. A wrong manifest only means that parts are sent. One call, a second one
 * where the first had no time for all or got lost.
 */
export async function sendDelta(
  run: Run,
  transfer: Transfer,
  { base, chunks, ways }: { base: DeltaBase; chunks: Chunks; ways: Ways },
): Promise<void> {
  const offsets = await findOffsets(run, { base, chunks, ways })
  if (transfer.state === 'closed' || run.signal.aborted) return
  const missing = [...transfer.waiting]
  sendParts(
    run,
    transfer,
    missing.filter((number) => !offsets.has(number)),
  )
  const rest = await copyParts(run, transfer, { fileId: base.fileId, offsets })
  sendParts(run, transfer, rest)
}

async function findOffsets(
  run: Run,
  { base, chunks, ways }: { base: DeltaBase; chunks: Chunks; ways: Ways },
): Promise<Map<number, number>> {
  const stored = await fetchManifest(run, base, ways)
  const offsets = new Map<number, number>()
  for (const { partNumber, baseOffset } of stored ? planDelta(stored, chunks) : []) {
    if (baseOffset !== null) offsets.set(partNumber, baseOffset)
  }
  return offsets
}

/** Gives the parts that are still to be sent when no more calls are worth it. */
async function copyParts(run: Run, transfer: Transfer, plan: Plan): Promise<number[]> {
  let left = [...transfer.waiting].filter((number) => plan.offsets.has(number))
  for (let calls = callsMax(transfer); left.length > 0 && calls > 0; calls -= 1) {
    const answer = await copyOnce(run, transfer, { plan, partNumbers: left })
    if (transfer.state === 'closed' || answer === 'refused') break
    // A lost answer may have copied or not; the same call again finds out.
    if (answer === 'lost') continue
    const copied = common(left, answer.copied)
    const later = common(left, answer.left)
    tookCopies(run, transfer, copied)
    sendParts(
      run,
      transfer,
      left.filter((number) => !copied.includes(number) && !later.includes(number)),
    )
    left = later
    if (copied.length === 0) break
  }
  return left
}

/** One call. Refused, the parts are sent; a call that got lost, or met a service in trouble, may be made again. */
async function copyOnce(
  run: Run,
  transfer: Transfer,
  { plan, partNumbers }: { plan: Plan; partNumbers: number[] },
): Promise<CopyAnswer | 'refused' | 'lost'> {
  const { uploadId, first } = transfer
  const bytes = sizeOf(transfer, partNumbers)
  const parts = runsOf(partNumbers, plan.offsets, first.layout.partSize)
  run.meter.copying(bytes)
  try {
    const body = { uploadId, fileId: plan.fileId, parts }
    for (const entry of transfer.entries) entry.functionCalls += 1
    return await run.api.once<CopyAnswer>('POST', '/api/storage/copy', body)
  } catch (error) {
    run.noted(`parts were not copied: ${messageOf(error)}`)
    const status = problemOf(error)?.status ?? 503
    return status === 429 || status >= 500 ? 'lost' : 'refused'
  } finally {
    run.meter.copying(-bytes)
  }
}

/** Parts that were waiting are at the store: it copied them. */
export function tookCopies(run: Run, transfer: Transfer, partNumbers: number[]): void {
  for (const number of partNumbers) {
    transfer.copied.add(number)
    transfer.tickets.delete(number)
    transfer.waiting.delete(number)
  }
  const bytes = sizeOf(transfer, partNumbers)
  countCopies(run, transfer, bytes)
  account(run, transfer, bytes)
  if (transfer.waiting.size > 0) return
  run.completer.ready(transfer)
  // The engine may have nothing more to do, and so nothing more to say.
  run.completer.nudge()
}

/** Parts that follow each other in the base, too, as one run. */
function runsOf(partNumbers: number[], offsets: Map<number, number>, partSize: number): CopyRun[] {
  const runs: CopyRun[] = []
  for (const number of partNumbers) {
    const offset = offsets.get(number) ?? 0
    const last = runs.at(-1)
    const follows =
      last && number === last[1] + 1 && offset === last[2] + (number - last[0]) * partSize
    if (follows) last[1] = number
    else runs.push([number, number, offset])
  }
  return runs
}

function callsMax({ first }: Transfer): number {
  return Math.max(CALLS_MAX, Math.ceil(first.layout.partCount / PARTS_PER_CALL))
}

function common(numbers: number[], ranges: Range[]): number[] {
  const named = new Set(numbersOf(ranges))
  return numbers.filter((number) => named.has(number))
}
