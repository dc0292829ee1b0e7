import { describeError, log } from '../log.ts'
import { storedPartsOf } from '../uploads/list.ts'
import type { UploadState } from '../uploads/upload.ts'
import { fillLedger, type Ledger, readLedger } from './ledger.ts'
import { type FoundUpload, type LedgerKey, uploadOfLedger } from './upload-of.ts'
import { type ChunkList, viewLedger } from './view.ts'

const NOTHING: Ledger = { isWhole: false, completed: new Set(), notes: new Map() }

/**
 * What is known of an upload's chunks. A ledger that is empty, or was not compared with the store since it began (as
 * after Redis lost it), is filled from the store's listing. SQL 1, Redis 1; to fill it Redis 1 more, and S3 1 per 1,000
 * parts. Without Redis the store answers.
 *
 * @throws Problem `not-found`; `store-unavailable` where neither the ledger nor the store answers
 */
export async function readChunks(accountId: string, key: LedgerKey): Promise<ChunkList> {
  const found = await uploadOfLedger(accountId, key)
  const { id, state } = found.upload
  if (state === 'aborting' || state === 'aborted') return viewLedger(found, NOTHING, 'store')

  const ledger = await readLedger(id)
  if (ledger && isEnough(ledger, state)) return viewLedger(found, ledger, 'ledger')

  const { completed, notes } = ledger ?? NOTHING
  const stored = await storedChunks(found, completed.size > 0)
  const missed = stored?.filter((chunkIndex) => !completed.has(chunkIndex)) ?? []
  if (ledger && stored && state !== 'done') await fill(id, ledger, missed)

  const source = missed.length > 0 || completed.size + notes.size === 0 ? 'store' : 'ledger'
  return viewLedger(found, { notes, completed: new Set([...completed, ...missed]) }, source)
}

/** A ledger without a completed chunk is not worth more than asking the store again; what is done, the store confirmed. */
function isEnough({ isWhole, completed }: Ledger, state: UploadState): boolean {
  return isWhole && completed.size > 0 && state !== 'done'
}

async function fill(uploadId: string, { isWhole }: Ledger, missed: number[]): Promise<void> {
  if (!isWhole || missed.length > 0) await fillLedger(uploadId, missed)
}

/** The chunks that the store has; null where it is away and there is a ledger to answer from. */
async function storedChunks(
  { upload, partDigests }: FoundUpload,
  canDoWithout: boolean,
): Promise<number[] | null> {
  try {
    const partNumbers = await storedPartsOf(upload, partDigests)
    return partNumbers.map((partNumber) => partNumber - 1)
  } catch (error) {
    if (!canDoWithout) throw error
    log('warn', 'a ledger is answered without the store', describeError(error))
    return null
  }
}
