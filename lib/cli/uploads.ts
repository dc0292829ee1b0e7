import { type Api, createApi } from '../client/api.ts'
import { openUploads } from '../client/files.ts'
import type { Context } from './command.ts'
import { each } from './each.ts'
import { EXIT, usageError } from './exit.ts'
import { say, sayJson, showBytes, showText } from './output.ts'

/** jetty uploads: what was begun and not finished; `abort` gives uploads up and frees their quota. */
export async function uploadsCommand({ flags, args, settings, signal }: Context): Promise<number> {
  const [verb = 'list', ...ids] = args
  const api = createApi({ ...settings(), signal })
  if (verb === 'list' && ids.length === 0) return list(api, flags.json ?? false)
  if (verb !== 'abort' || ids.length === 0) {
    throw usageError('uploads: say `uploads list` or `uploads abort UPLOAD-ID...`.')
  }
  return each(ids, signal, (id) => abort(api, id, flags.json ?? false))
}

async function list(api: Api, json: boolean): Promise<number> {
  for await (const upload of openUploads(api)) {
    if (json) sayJson(upload)
    else {
      const paths = upload.targets.map(({ path }) => showText(path)).join(', ')
      say(
        `${upload.uploadId}  ${upload.status}  ${showBytes(upload.fileSize)}  until ${upload.expiresAt}  ${paths}`,
      )
    }
  }
  return EXIT.ok
}

async function abort(api: Api, uploadId: string, json: boolean): Promise<void> {
  const query = new URLSearchParams({ uploadId })
  const answer = await api.call<{ status: string; releasedBy?: string }>(
    'DELETE',
    `/api/storage/upload?${query}`,
  )
  if (json) sayJson({ ...answer, uploadId })
  else if (answer.releasedBy)
    say(`${uploadId}  ${answer.status}; its quota is free by ${answer.releasedBy}`)
  else say(`${uploadId}  ${answer.status}`)
}
