import { type Api, createApi } from '../client/api.ts'
import { fileAt } from '../client/files.ts'
import type { Context } from './command.ts'
import { each } from './each.ts'
import { usageError } from './exit.ts'
import { fileIdOf } from './file-id.ts'
import { say, sayJson } from './output.ts'

/** jetty rm: files by id or by path, to the trash or for good. */
export async function rmCommand({ flags, args, settings, signal }: Context): Promise<number> {
  if (args.length === 0) throw usageError('rm: name at least one file id or path.')
  const api = createApi({ ...settings(), signal })
  const permanent = flags.permanent ?? false
  return each(args, signal, async (arg) => {
    const fileId = await remove(api, arg, permanent)
    if (flags.json) sayJson({ fileId, permanent })
    else say(`${fileId}  ${permanent ? 'deleted' : 'in the trash for 30 days'}`)
  })
}

/** A path is looked up first: what looks like an id may be a file's name. */
async function remove(api: Api, idOrPath: string, permanent: boolean): Promise<string> {
  const fileId = (await fileAt(api, idOrPath))?.fileId ?? fileIdOf(idOrPath)
  const query = new URLSearchParams({ fileId, ...(permanent ? { permanent: 'true' } : {}) })
  await api.call('DELETE', `/api/storage/files?${query}`)
  return fileId
}
