import { type Api, createApi } from '../client/api.ts'
import { liveUploads, openUploads } from '../client/files.ts'
import type { LiveUpload, UploadState } from '../client/wire.ts'
import type { Context } from './command.ts'
import { each } from './each.ts'
import { EXIT, usageError } from './exit.ts'
import { say, sayJson, showBytes, showSeconds, showText } from './output.ts'

/** jetty uploads: what was begun and not finished, and how it goes, from any device; `abort` gives uploads up and frees their quota. */
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
  const live = new Map<string, LiveUpload>()
  for await (const upload of liveUploads(api)) live.set(upload.uploadId, upload)

  for await (const upload of openUploads(api)) {
    const progress = live.get(upload.uploadId)
    if (json) sayJson({ ...upload, ...progressFields(progress) })
    else say(describe(upload, progress))
  }
  return EXIT.ok
}

function progressFields(progress: LiveUpload | undefined) {
  if (!progress) return {}
  const { percent, bytesUploaded, speed, secondsLeft, sessions } = progress
  return { percent, bytesUploaded, speed, secondsLeft, sessions }
}

/** `…  open  45% of 1.0 GiB  98.2 MiB/s  5.6 s left  desktop + api  until …  a.bin`; without a rate where nobody sends. */
function describe(upload: UploadState, progress: LiveUpload | undefined): string {
  const paths = upload.targets.map(({ path }) => showText(path)).join(', ')
  const size = showBytes(upload.fileSize)
  const parts = progress ? [`${Math.floor(progress.percent)}% of ${size}`] : [size]
  if (progress && progress.speed > 0) {
    parts.push(`${showBytes(Math.round(progress.speed))}/s`)
    if (progress.secondsLeft !== null) parts.push(`${showSeconds(progress.secondsLeft)} left`)
    const senders = progress.sessions.filter(({ speed }) => speed > 0)
    parts.push(senders.map(({ uploadVia }) => showText(uploadVia)).join(' + '))
  }
  return [upload.uploadId, upload.status, ...parts, `until ${upload.expiresAt}`, paths].join('  ')
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
