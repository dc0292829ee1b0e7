import { createHash } from 'node:crypto'
import type http from 'node:http'
import { numbersOf, rangesOf } from '../../../lib/client/ranges.ts'
import type { FileAsk } from '../../../lib/client/wire.ts'
import type { CopyRun } from '../../../lib/client/wire-delta.ts'
import { layoutOf, partRange } from '../../../lib/content/layout.ts'
import type { TinyFile, TinyOptions, TinyUpload } from './tiny-service.ts'

const LIFE_MS = 60_000

type World = {
  uploads: Map<string, TinyUpload>
  files: Map<string, TinyFile>
  options: TinyOptions
}

type Asked = {
  method: string
  path: string
  request: http.IncomingMessage
  response: http.ServerResponse
  body: Buffer
}

type CopyAsk = { uploadId: string; fileId: string; parts: CopyRun[] }

/** What the tiny service knows of deltas: manifests by the id of the upload that they belong to, and copies. */
export function startTinyDeltas({ uploads, files, options }: World) {
  const manifests = new Map<string, Buffer>()
  let requests = 0

  function fault(method: string, via: string) {
    requests += 1
    return options.onManifest?.(method, via, requests)
  }

  function offer(file: FileAsk, { uploadId, manifest }: TinyUpload, origin: string) {
    const expiresAt = new Date(Date.now() + LIFE_MS).toISOString()
    const urlOf = (id: string) => `${origin}/bucket/users/${id}.manifest?X-Amz-Signature=x`
    const put = manifest ? { url: urlOf(uploadId), headers: {}, expiresAt } : null
    const [path, base] =
      [...files].find(([_, { fileId }]) => fileId === file.baseFileId) ??
      [...files].find(([at]) => at === file.path) ??
      []
    const stored = manifests.get(base?.uploadId ?? '')
    if (!base || !stored) return { manifest: put, base: null }
    const { fileId, fileSize } = base
    const manifestBytes = uploads.get(base.uploadId)?.manifest?.bytes ?? 0
    const manifestUrl = urlOf(base.uploadId)
    return {
      manifest: put,
      base: { fileId, path, fileSize, similarity: null, manifestUrl, manifestBytes, expiresAt },
    }
  }

  function serve({ method, path, request, response, body }: Asked) {
    const uploadId = /users\/(.*)\.manifest$/.exec(path)?.[1] ?? ''
    if (method === 'GET') return response.writeHead(200).end(manifests.get(uploadId))
    const { bytes, sha256 } = uploads.get(uploadId)?.manifest ?? {}
    const digest = createHash('sha256').update(body).digest('base64')
    const isAsDeclared =
      bytes === body.length &&
      sha256 === digest &&
      request.headers['x-amz-checksum-sha256'] === digest
    if (isAsDeclared) manifests.set(uploadId, body)
    return response.writeHead(isAsDeclared ? 200 : 400).end()
  }

  /** Copies what has the right digest; null where there is no such base. */
  async function copy({ uploadId, fileId, parts }: CopyAsk) {
    await options.beforeCopy?.()
    const upload = uploads.get(uploadId)
    const base = [...files.values()].find((file) => file.fileId === fileId)
    if (!upload || !base) return null
    const layout = layoutOf(upload.fileSize)
    const [copied, refused]: [number[], number[]] = [[], []]
    const asked = parts.flatMap(([first, last, offset]) =>
      numbersOf([[first, last]]).map((number) => ({
        number,
        offset: offset + (number - first) * layout.partSize,
      })),
    )
    const most = options.copiesMax ?? asked.length
    for (const { number, offset } of asked.slice(0, most)) {
      const bytes = base.bytes.subarray(offset, offset + partRange(layout, number).length)
      const digest = createHash('sha256').update(bytes).digest('base64')
      const isRight = digest === upload.partHashes[number - 1]
      if (isRight) upload.parts.set(number, bytes)
      ;(isRight ? copied : refused).push(number)
    }
    const left = asked.slice(most).map(({ number }) => number)
    return {
      uploadId,
      copied: rangesOf(copied),
      refused: rangesOf(refused),
      left: rangesOf(left),
    }
  }

  return { manifests, fault, offer, serve, copy }
}
