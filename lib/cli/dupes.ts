import { createApi } from '../client/api.ts'
import { askDuplicates } from '../client/similar.ts'
import type { DuplicateGroup } from '../client/wire-similar.ts'
import { type AlikeRow, noteAdvice, sayAlike, showAlike, thresholdOf } from './alike.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { note, sayJson } from './output.ts'

/** jetty dupes: likely duplicates among the account's files, in groups. */
export async function dupesCommand({ flags, args, settings, signal }: Context): Promise<number> {
  if (args.length > 0) throw usageError('dupes takes no arguments.')
  const threshold = thresholdOf(flags.threshold)
  const api = createApi({ ...settings(), signal })
  const groups = await askDuplicates(api, threshold)
  if (flags.json) {
    for (const group of groups) sayJson(group)
  } else if (groups.length > 0) {
    sayAlike(groups.flatMap((group, at) => [...(at > 0 ? [null] : []), ...rowsOf(group)]))
  }
  const files = groups.reduce((sum, group) => sum + group.files.length, 0)
  note(
    groups.length === 0
      ? 'No likely duplicates.'
      : `${groups.length} ${groups.length === 1 ? 'group' : 'groups'}, ${files} files.`,
  )
  if (groups.length > 0) noteAdvice()
  return EXIT.ok
}

/** The first file of a group is what the others are like. */
function rowsOf({ fileHash, files }: DuplicateGroup): AlikeRow[] {
  return files.map((file, at) => ({ file, alike: at === 0 ? '' : alikeOf(file, fileHash) }))
}

function alikeOf(file: { fileHash: string; similarity: number }, fileHash: string): string {
  return file.fileHash === fileHash ? 'same' : showAlike(file.similarity)
}
