import * as z from '../vendor/zod.js'

const EDGE_ID = /^[a-z0-9][a-z0-9-]{0,63}$/
const CHUNK_HASH = /^[A-Za-z0-9+/=:_-]{1,100}$/
const MESSAGE_CHARS_MAX = 10_000
const MESSAGE_CHARS_KEPT = 500

/** A path's id as a client may name it: a relay's, or `direct`; the catalogue says which there are. */
export const EdgeId = z.string().check(z.regex(EDGE_ID))

/** What went wrong, in a client's words: the start of it, without what PostgreSQL cannot keep. */
export const ErrorMessage = z.pipe(
  z.string().check(z.maxLength(MESSAGE_CHARS_MAX)),
  z.transform((text: string) =>
    text.slice(0, MESSAGE_CHARS_KEPT).replace(/[\0\p{Surrogate}]/gu, '\ufffd'),
  ),
)

export const ChunkStatus = z.enum(['pending', 'uploading', 'completed', 'failed'])
export type ChunkStatus = z.infer<typeof ChunkStatus>

/** One word about one chunk. */
export const ChunkWord = z.object({
  chunkIndex: z.int().check(z.nonnegative()),
  status: ChunkStatus,
  chunkHash: z.optional(z.string().check(z.regex(CHUNK_HASH))),
  edgeId: z.optional(EdgeId),
  bytesUploaded: z.optional(z.int().check(z.nonnegative())),
  errorMessage: z.optional(ErrorMessage),
})
export type ChunkWord = z.infer<typeof ChunkWord>

type Member = Parameters<typeof z.safeParse>[0]

/** A list of `min` to `max`. It is counted before its members are judged: a body has room for a million of them. */
export function listOf<M extends Member>(member: M, { min, max }: { min: number; max: number }) {
  return z.pipe(
    z.array(z.unknown()).check(z.minLength(min), z.maxLength(max)),
    z.transform((list: unknown[], context): z.infer<M>[] => {
      const good: z.infer<M>[] = []
      for (const [index, value] of list.entries()) {
        const parsed = z.safeParse(member, value)
        if (!parsed.success) {
          const [{ path, message } = { path: [], message: 'unusable' }] = parsed.error.issues
          const input = value
          context.issues.push({ code: 'custom', input, message, path: [index, ...path] })
          break
        }
        good.push(parsed.data)
      }
      return good
    }),
  )
}
