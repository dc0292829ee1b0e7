import type { FileResult } from '../client/entry.ts'
import { showShare } from '../client/show-share.ts'
import { showBytes, showSeconds, showText } from './output.ts'

/** What became of a file, for people: `ID  path  (how)`. */
export function showResult(result: FileResult): string {
  return `${result.fileId}  ${showText(result.path)}  (${howOf(result)})`
}

function howOf({ duplicate, copiedBytes, fileSize, sentBytes, seconds }: FileResult): string {
  if (duplicate) return 'already stored'
  if (copiedBytes === 0) return `${showBytes(fileSize)} in ${showSeconds(seconds)}`
  const share = showShare(sentBytes, fileSize)
  return `sent ${showBytes(sentBytes)} of ${showBytes(fileSize)} (${share}), ${showSeconds(seconds)}`
}
