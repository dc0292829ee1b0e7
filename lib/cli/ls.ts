import { createApi } from '../client/api.ts'
import { filesUnder } from '../client/files.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { say, sayJson, showText } from './output.ts'

/** jetty ls: the account's files by path, from a prefix. */
export async function lsCommand({ flags, args, settings, signal }: Context): Promise<number> {
  if (args.length > 1) throw usageError('ls: name at most one prefix.')
  const api = createApi({ ...settings(), signal })
  for await (const file of filesUnder(api, args[0] ?? '')) {
    if (flags.json) sayJson(file)
    else
      say(
        `${file.fileId}  ${String(file.fileSize).padStart(14)}  ${file.updatedAt}  ${showText(file.path)}`,
      )
  }
  return EXIT.ok
}
