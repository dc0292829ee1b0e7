import { type Api, createApi } from '../client/api.ts'
import { messageOf, problemOf } from '../client/failure.ts'
import { fileAt } from '../client/files.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { note, say, sayJson, showText } from './output.ts'

/** jetty rm: files by id or by path, to the trash or for good. */
export async function rmCommand({ flags, args, settings, signal }: Context): Promise<number> {
  if (args.length === 0) throw usageError('rm: name at least one file id or path.')
  const api = createApi({ ...settings(), signal })
  let failed = 0
  for (const arg of args) {
    try {
      const fileId = await remove(api, arg, flags.permanent ?? false)
      if (flags.json) sayJson({ fileId, permanent: flags.permanent ?? false })
      else say(`${fileId}  ${flags.permanent ? 'deleted' : 'in the trash for 30 days'}`)
    } catch (error) {
      if (signal.aborted || problemOf(error)?.status === 401) throw error
      failed += 1
      note(`failed ${showText(arg)}: ${showText(messageOf(error))}`)
    }
  }
  return failed > 0 ? EXIT.failed : EXIT.ok
}

/** A path is looked up first: what looks like an id may be a file's name. */
async function remove(api: Api, idOrPath: string, permanent: boolean): Promise<string> {
  const fileId = (await fileAt(api, idOrPath))?.fileId ?? idOrPath
  const query = new URLSearchParams({ fileId, ...(permanent ? { permanent: 'true' } : {}) })
  await api.call('DELETE', `/api/storage/files?${query}`)
  return fileId
}
