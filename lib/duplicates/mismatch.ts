import { contentIdFits, parseContentId } from '../content/content-id.ts'
import { layoutOf } from '../content/layout.ts'
import { Problem } from '../problem.ts'
import type { WantedContent } from './find.ts'

/** The problem `content-mismatch` of a content id that no file of this size can have; null when it fits. */
export function mismatchOf({ fileHash, fileSize }: WantedContent): Problem | null {
  if (contentIdFits(fileHash, fileSize)) return null
  const pointer = '/fileHash'
  const { partCount } = layoutOf(fileSize)
  const detail = `a file of ${fileSize} bytes has ${partCount} parts, this is the id of ${parseContentId(fileHash)?.parts}`
  return new Problem('content-mismatch', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] })
}
