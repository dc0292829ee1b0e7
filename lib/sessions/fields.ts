import { EdgeId, listOf } from '../chunks/fields.ts'
import { FILE_BYTES_MAX, PARTS_MAX } from '../content/layout.ts'
import * as z from '../vendor/zod.js'

const EDGES_MAX = 32
const TIMINGS_MAX = 1000
const DAY_MS = 24 * 3600 * 1000
const MINUTE_MS = 60_000

/** Relays that a session uses, and `direct`. */
export const EdgeIds = listOf(EdgeId, { min: 0, max: EDGES_MAX })

/** One part that was sent over a path, or failed on it; `bytes` are those that moved. */
export const Timing = z.object({
  edgeId: EdgeId,
  chunkIndex: z.int().check(z.nonnegative()),
  bytes: z.int().check(z.nonnegative(), z.maximum(FILE_BYTES_MAX)),
  durationMs: z.number().check(z.nonnegative(), z.maximum(DAY_MS)),
  failed: z._default(z.boolean(), false),
  latencyMs: z.optional(z.nullable(z.number().check(z.nonnegative(), z.maximum(MINUTE_MS)))),
})
export type Timing = z.infer<typeof Timing>

export const Timings = listOf(Timing, { min: 0, max: TIMINGS_MAX })

/** Inclusive ranges of chunks, counted from 0; in any order, and they may overlap. */
export const ChunkRanges = z.pipe(
  z.array(z.unknown()).check(
    z.maxLength(PARTS_MAX),
    z.refine((list) => list.every(isRange), {
      error: 'expected ranges of chunks, [first, last] from 0 up',
    }),
  ),
  z.transform((list: unknown[]) => list.filter(isRange)),
)

export const Count = z.int().check(z.nonnegative())

function isRange(value: unknown): value is [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false
  const [first, last] = value
  return Number.isSafeInteger(first) && Number.isSafeInteger(last) && 0 <= first && first <= last
}
