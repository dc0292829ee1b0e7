import { layoutOf, partNumberOf, partRange } from '../content/layout.ts'
import { partDigestOf } from '../uploads/content.ts'
import type { ChunkStatus } from './fields.ts'
import type { Ledger } from './ledger.ts'
import type { Note } from './note.ts'
import type { FoundUpload } from './upload-of.ts'

/** Error messages beyond this are left out (null): an answer of a function ends at 4.5 MB. */
const MESSAGES_BYTES_MAX = 1_000_000

/** A chunk that something is known of. Null is unknown; `timestamp` is when it was said. */
export type ChunkView = {
  chunkIndex: number
  status: ChunkStatus
  chunkHash: string | null
  edgeId: string | null
  bytesUploaded: number
  errorMessage: string | null
  timestamp: string | null
}

/** `source` is `store` where the ledger missed something that the store's own listing has, or was empty. */
export type ChunkList = {
  chunks: ChunkView[]
  total: number
  chunksCompleted: number
  chunksTotal: number
  bytesUploaded: number
  source: 'ledger' | 'store'
}

/** An upload's ledger as its account sees it, by chunk. */
export function viewLedger(
  { upload, partDigests }: FoundUpload,
  { completed, notes }: Pick<Ledger, 'completed' | 'notes'>,
  source: ChunkList['source'],
): ChunkList {
  const layout = layoutOf(upload.fileSize)
  const lengthOf = (chunkIndex: number) => partRange(layout, partNumberOf(chunkIndex)).length
  const known = [...new Set([...completed, ...notes.keys()])].sort((a, b) => a - b)
  const chunks = known.map((chunkIndex) =>
    completed.has(chunkIndex)
      ? completedView(chunkIndex, lengthOf(chunkIndex), {
          note: notes.get(chunkIndex),
          declared: partDigestOf(partDigests, partNumberOf(chunkIndex)),
        })
      : openView(chunkIndex, notes.get(chunkIndex)),
  )
  return {
    chunks: withinMessages(chunks),
    total: chunks.length,
    chunksCompleted: completed.size,
    chunksTotal: upload.partCount,
    bytesUploaded: [...completed].reduce((sum, chunkIndex) => sum + lengthOf(chunkIndex), 0),
    source,
  }
}

/** Where nobody said the hash, it is the digest that the part was declared with (base64, as in `partHashes`). */
function completedView(
  chunkIndex: number,
  bytesUploaded: number,
  { note, declared }: { note: Note | undefined; declared: string },
): ChunkView {
  return {
    chunkIndex,
    status: 'completed',
    chunkHash: note?.chunkHash ?? (declared || null),
    edgeId: note?.edgeId ?? null,
    bytesUploaded,
    errorMessage: null,
    timestamp: note ? new Date(note.at).toISOString() : null,
  }
}

function openView(chunkIndex: number, note: Note | undefined): ChunkView {
  return {
    chunkIndex,
    status: note?.status ?? 'pending',
    chunkHash: note?.chunkHash ?? null,
    edgeId: note?.edgeId ?? null,
    bytesUploaded: note?.bytesUploaded ?? 0,
    errorMessage: note?.errorMessage ?? null,
    timestamp: note ? new Date(note.at).toISOString() : null,
  }
}

function withinMessages(chunks: ChunkView[]): ChunkView[] {
  let room = MESSAGES_BYTES_MAX
  return chunks.map((chunk) => {
    if (chunk.errorMessage === null) return chunk
    room -= Buffer.byteLength(JSON.stringify(chunk.errorMessage))
    return room >= 0 ? chunk : { ...chunk, errorMessage: null }
  })
}
