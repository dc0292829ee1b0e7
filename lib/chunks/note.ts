import * as z from '../vendor/zod.js'
import { ChunkStatus, type ChunkWord } from './fields.ts'

const Note = z.object({
  status: ChunkStatus,
  chunkHash: z.optional(z.string()),
  edgeId: z.optional(z.string()),
  bytesUploaded: z.optional(z.number()),
  errorMessage: z.optional(z.string()),
  at: z.number(),
})

/** What was said last of a chunk; `at` in ms since 1970. */
export type Note = z.infer<typeof Note>

/** A note as the ledger keeps it. */
export function encodeNote({ chunkIndex: _, ...said }: ChunkWord, at: number): string {
  return JSON.stringify({ ...said, at })
}

/** The note of a text; null for what another version wrote, or anything else. */
export function decodeNote(text: string): Note | null {
  try {
    return z.safeParse(Note, JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
