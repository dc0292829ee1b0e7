import { FILE_BYTES_MAX, PARTS_MAX } from '../content/layout.ts'
import * as z from '../vendor/zod.js'

/** Parts `first` to `last`, of which the first begins at byte `baseOffset` of the base, and each other where the one before ends. */
export type CopyRun = [first: number, last: number, baseOffset: number]

/** Judged as a whole, as every list with a member for each part. Whether upload and base have these is seen later. */
export const CopyRuns = z.pipe(
  z.array(z.unknown()).check(
    z.minLength(1),
    z.maxLength(PARTS_MAX),
    z.refine((list) => list.every(isRun), {
      error: 'expected [firstPart, lastPart, baseOffset] each',
    }),
  ),
  z.transform((list: unknown[]) => list.filter(isRun)),
)

function isRun(value: unknown): value is CopyRun {
  if (!Array.isArray(value) || value.length !== 3 || !value.every(Number.isSafeInteger))
    return false
  const [first, last, baseOffset] = value
  if (first < 1 || last < first || last > PARTS_MAX) return false
  return baseOffset >= 0 && baseOffset <= FILE_BYTES_MAX
}
