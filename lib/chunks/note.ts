import * as z from '../vendor/zod.js'
import { ChunkStatus, type ChunkWord } from './fields.ts'

/** 10,000 notes are read in one answer of Redis, which ends at 10 MB and must not take long. */
const MESSAGE_CHARS_MAX = 120

const Note = z.object({
  status: ChunkStatus,
  chunkHash: z.nullable(z.string()),
  edgeId: z.nullable(z.string()),
  bytesUploaded: z.nullable(z.number()),
  errorMessage: z.nullable(z.string()),
  at: z.number(),
})

/** What was said last of a chunk; null is not said, `at` in ms since 1970. */
export type Note = z.infer<typeof Note>

/** A note as the ledger keeps it: a list, so that no name is stored 10,000 times. */
export function encodeNote(word: ChunkWord, at: number): string {
  const { status, chunkHash, edgeId, bytesUploaded, errorMessage } = word
  const message = errorMessage?.slice(0, MESSAGE_CHARS_MAX).replace(/\p{Surrogate}/gu, '\ufffd')
  return JSON.stringify([status, chunkHash, edgeId, bytesUploaded, message, at])
}

/** The note of a text; null for what another version wrote, or anything else. */
export function decodeNote(text: string): Note | null {
  try {
    const [status, chunkHash, edgeId, bytesUploaded, errorMessage, at] = JSON.parse(text)
    const note = { status, chunkHash, edgeId, bytesUploaded, errorMessage, at }
    return z.safeParse(Note, note).data ?? null
  } catch {
    return null
  }
}
