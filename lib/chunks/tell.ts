import { layoutOf, partNumberOf, partRange } from '../content/layout.ts'
import { Problem } from '../problem.ts'
import type { Upload } from '../uploads/upload.ts'
import type { ChunkStatus, ChunkWord } from './fields.ts'
import { writeLedger } from './ledger.ts'
import { type LedgerKey, uploadOfLedger } from './upload-of.ts'

/** `firstStatus` is what holds of the first chunk; `chunksCompleted` is null where nothing can say (without Redis). */
export type Told = {
  firstStatus: ChunkStatus
  chunksCompleted: number | null
  chunksTotal: number
}

/**
 * Takes what a client says about chunks of an upload into its ledger. A chunk that was completed once stays so. Of an
 * upload that is done all chunks are, whatever is said. SQL 1, Redis 1; without Redis the count is what sessions reported.
 *
 * @throws Problem `not-found`; `progress-mismatch` for a chunk, or more bytes of one, than the upload has, and then none
 *   is taken; `upload-closed`
 */
export async function tellChunks(
  accountId: string,
  key: LedgerKey,
  words: ChunkWord[],
): Promise<Told> {
  const { upload, chunksReported } = await uploadOfLedger(accountId, key)
  requireFit(upload, words)
  const { state, partCount } = upload
  if (state === 'aborting' || state === 'aborted') {
    throw new Problem('upload-closed', `The upload is ${state}; start again.`, {
      uploadStatus: state,
    })
  }
  if (state === 'done')
    return { firstStatus: 'completed', chunksCompleted: partCount, chunksTotal: partCount }

  const written = await writeLedger(upload, words)
  const said = words[0]?.status ?? 'pending'
  if (written === null)
    return { firstStatus: said, chunksCompleted: chunksReported || null, chunksTotal: partCount }
  return {
    firstStatus: written.isFirstCompleted ? 'completed' : said,
    chunksCompleted: Math.max(written.completed, chunksReported),
    chunksTotal: partCount,
  }
}

function requireFit({ fileSize, partCount }: Upload, words: ChunkWord[]): void {
  const layout = layoutOf(fileSize)
  for (const { chunkIndex, bytesUploaded = 0 } of words) {
    if (chunkIndex >= partCount)
      throw mismatch(`The upload has ${partCount} chunks, no chunk ${chunkIndex}.`)
    const { length } = partRange(layout, partNumberOf(chunkIndex))
    if (bytesUploaded > length)
      throw mismatch(`Chunk ${chunkIndex} has ${length} bytes, not ${bytesUploaded}.`)
  }
}

function mismatch(detail: string): Problem {
  return new Problem('progress-mismatch', detail)
}
