import { createHash, randomUUID } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FileAsk, Range, SessionReport } from '../../../lib/client/wire.ts'
import { contentIdOf } from '../../../lib/content/content-id.ts'
import { layoutOf, partRange } from '../../../lib/content/layout.ts'
import { startTinyDeltas } from './tiny-deltas.ts'

/** An answer in place of the real one; `undefined` lets the request through. */
export type Fault =
  | { status: number; body?: string; headers?: Record<string, string> }
  | 'hang'
  | 'reset'
  | undefined

export type PartSeen = {
  path: string
  uploadId: string
  partNumber: number
  bytes: number
  /** When what was signed with it ends. */
  ends: string
}

export type TinyOptions = {
  edges?: number
  checksum?: 'sha256' | 'md5'
  connections?: number
  /** How long signatures live. */
  lifeMs?: number
  /** The start call signs only the first so many parts. */
  window?: number
  completingFor?: number
  onPart?: (part: PartSeen, times: number) => Fault
  onCall?: (method: string, path: string, times: number) => Fault
  /** When the next report is asked for; 60 s unless given. */
  reportAfterSeconds?: number
  /** Told of each range asked for, by its first byte. */
  onRange?: (offset: number) => Fault
  /** Chunk manifests are taken, and a file that is at the path already is offered as a base. */
  deltas?: boolean
  /** What the store says of a manifest that is written or read. */
  onManifest?: (method: string, via: string, times: number) => Fault
  /** A copy call takes so many parts, the rest is left. */
  copiesMax?: number
  /** Waited for before anything is copied. */
  beforeCopy?: () => Promise<void>
  /** Looks at what will be completed; its answer replaces the real one. */
  onComplete?: (uploadId: string, times: number) => object | undefined
}

export type TinyUpload = {
  uploadId: string
  fileHash: string
  fileSize: number
  partHashes: string[]
  manifest?: FileAsk['manifest']
  parts: Map<number, Buffer>
  paths: string[]
  done: boolean
  polls: number
  generation: number
}

export type TinyFile = {
  fileId: string
  fileHash: string
  fileSize: number
  bytes: Buffer
  /** Of the upload that stored it. */
  uploadId: string
}

/**
 * The wire contract of docs/api.md in one process: control plane, store and relays, nothing kept. For what the real
 * stack cannot be made to do on demand: answers that get lost, paths that hang, signatures that end.
 */
export async function startTiny(options: TinyOptions = {}) {
  const uploads = new Map<string, TinyUpload>()
  const files = new Map<string, TinyFile>()
  const seen: PartSeen[] = []
  const calls: { method: string; path: string; body: string }[] = []
  const reports: SessionReport[] = []
  const partTimes = new Map<string, number>()
  const callTimes = new Map<string, number>()
  const deltas = startTinyDeltas({ uploads, files, options })
  const { manifests } = deltas
  const state = { uploads, files, seen, calls, reports, options, manifests }

  const servers = [await listen((request, response) => void front(request, response, 'direct'))]
  for (let index = 0; index < (options.edges ?? 0); index += 1) {
    servers.push(
      await listen((request, response) => void front(request, response, `edge-${index + 1}`)),
    )
  }
  const [origin = '', ...edgeUrls] = servers.map(({ url }) => url)

  async function front(request: http.IncomingMessage, response: http.ServerResponse, via: string) {
    const url = new URL(request.url ?? '/', origin)
    const method = request.method ?? 'GET'
    if (url.pathname.endsWith('.manifest')) {
      const body = await readAll(request)
      if (await suffer(deltas.fault(method, via), request, response)) return
      if (via !== 'direct' && request.headers['x-jetty-grant'] !== 'grant')
        return problem(response, 403, 'no-grant')
      return deltas.serve({ method, path: url.pathname, request, response, body })
    }
    if (url.pathname.startsWith('/bucket/')) {
      if (method === 'GET') return await serveRange(url, request, response)
      const uploadId = url.pathname.split('/')[3] ?? ''
      const partNumber = Number(url.searchParams.get('partNumber') ?? 1)
      const key = `${uploadId}/${partNumber}`
      partTimes.set(key, (partTimes.get(key) ?? 0) + 1)
      const bytes = Number(request.headers['content-length'])
      const ends = url.searchParams.get('X-Ends') ?? ''
      const fault = options.onPart?.(
        { path: via, uploadId, partNumber, bytes, ends },
        partTimes.get(key) ?? 1,
      )
      if (await suffer(fault, request, response)) return
      const body = await readAll(request).catch(() => undefined)
      if (!body) return
      seen.push({ path: via, uploadId, partNumber, bytes: body.length, ends })
      return answerPart({ url, request, response, body, via, uploadId, partNumber })
    }
    const body = (await readAll(request)).toString()
    const key = `${method} ${url.pathname}`
    callTimes.set(key, (callTimes.get(key) ?? 0) + 1)
    calls.push({ method, path: url.pathname + url.search, body })
    if (
      await suffer(
        options.onCall?.(method, url.pathname, callTimes.get(key) ?? 1),
        request,
        response,
      )
    )
      return
    if (request.headers.authorization !== 'Bearer jt_live_test')
      return problem(response, 401, 'unauthorized')
    if (url.pathname === '/api/storage/files') return json(response, filesAnswer(url.searchParams))
    if (url.pathname === '/api/storage/download') return json(response, download(url.searchParams))
    const asked = body ? JSON.parse(body) : {}
    if (url.pathname === '/api/jetty/track-upload') {
      reports.push(asked)
      return json(response, { reportAfterSeconds: options.reportAfterSeconds ?? 60 })
    }
    if (url.pathname === '/api/storage/copy') {
      const copied = await deltas.copy(asked)
      return copied ? json(response, copied) : problem(response, 404, 'not-found')
    }
    if (method === 'POST') return json(response, await start(asked.files))
    if (method === 'PATCH')
      return json(response, { results: asked.uploads.map(signMore), ...ways() })
    if (method === 'PUT') {
      const results = []
      for (const { uploadId } of asked.uploads) results.push(await complete(uploadId))
      return json(response, { results })
    }
    return problem(response, 404, 'not-found')
  }

  function ways() {
    const now = Date.now()
    const grant = {
      token: 'grant',
      expiresAt: new Date(now + (options.lifeMs ?? 60_000)).toISOString(),
      bytes: 1e9,
    }
    return {
      edges: edgeUrls.map((url, index) => ({ id: `edge-${index + 1}`, url })),
      grant: edgeUrls.length > 0 ? grant : null,
      connections: options.connections ?? 16,
      serverTime: new Date(now).toISOString(),
    }
  }

  async function start(asked: FileAsk[]) {
    const results = asked.map((file) => startOne(file))
    return { results, ...ways() }
  }

  function startOne(file: FileAsk) {
    const stored = [...files.values()].find(
      ({ fileHash, fileSize }) => fileHash === file.fileHash && fileSize === file.fileSize,
    )
    if (stored) {
      const copy = { ...stored, fileId: randomUUID() }
      files.set(file.path, copy)
      return {
        path: file.path,
        status: 'stored',
        duplicate: true,
        verified: true,
        ...copy,
        bytes: undefined,
      }
    }
    const open = [...uploads.values()].find(
      ({ fileHash, done }) => fileHash === file.fileHash && !done,
    )
    const upload = open ?? newUpload(file)
    if (!upload.paths.includes(file.path)) upload.paths.push(file.path)
    const { partSize, partCount } = layoutOf(file.fileSize)
    const missing = Array.from({ length: partCount }, (_, i) => i + 1).filter(
      (n) => !upload.parts.has(n),
    )
    return {
      path: file.path,
      status: 'open',
      uploadId: upload.uploadId,
      fileHash: file.fileHash,
      fileSize: file.fileSize,
      partSize,
      partCount,
      checksum: options.checksum ?? 'sha256',
      storedParts: [...upload.parts.keys()].sort((a, b) => a - b).map((n): Range => [n, n]),
      signed:
        options.checksum === 'md5'
          ? null
          : sign(upload, missing.slice(0, options.window ?? missing.length)),
      ...(options.deltas ? deltas.offer(file, upload, origin) : {}),
    }
  }

  function newUpload({ fileHash, fileSize, partHashes, manifest }: FileAsk): TinyUpload {
    const upload: TinyUpload = {
      manifest,
      uploadId: randomUUID(),
      fileHash,
      fileSize,
      partHashes,
      parts: new Map(),
      paths: [],
      done: false,
      polls: 0,
      generation: 0,
    }
    uploads.set(upload.uploadId, upload)
    return upload
  }

  function sign(upload: TinyUpload, numbers: number[]) {
    const expiresAt = Date.now() + (options.lifeMs ?? 60_000)
    const query = layoutOf(upload.fileSize).partCount > 1 ? 'partNumber={partNumber}&' : ''
    return {
      url: `${origin}/bucket/users/${upload.uploadId}?${query}X-Ends=${expiresAt}&X-Amz-Signature={signature}`,
      headers: {},
      signatures: Object.fromEntries(numbers.map((n) => [String(n), `sig-${n}-${expiresAt}`])),
      expiresAt: new Date(expiresAt).toISOString(),
    }
  }

  function signMore({
    uploadId,
    partNumbers,
    md5s,
  }: {
    uploadId: string
    partNumbers?: number[]
    md5s?: object
  }) {
    const upload = uploads.get(uploadId)
    if (!upload)
      return { uploadId, problem: { type: '/errors/not-found', status: 404, title: 'gone' } }
    return { uploadId, signed: sign(upload, partNumbers ?? Object.keys(md5s ?? {}).map(Number)) }
  }

  type PartAsked = {
    url: URL
    request: http.IncomingMessage
    response: http.ServerResponse
    body: Buffer
    via: string
    uploadId: string
    partNumber: number
  }

  function answerPart({ url, request, response, body, via, uploadId, partNumber }: PartAsked) {
    if (via !== 'direct' && request.headers['x-jetty-grant'] !== 'grant')
      return problem(response, 403, 'no-grant')
    const ends = Number(url.searchParams.get('X-Ends'))
    if (url.searchParams.get('X-Amz-Signature') !== `sig-${partNumber}-${ends}`) {
      return xml(response, 403, 'SignatureDoesNotMatch')
    }
    if (Date.now() > ends) return xml(response, 403, 'AccessDenied: Request has expired')
    const upload = uploads.get(uploadId)
    if (!upload || upload.done) return xml(response, 404, 'NoSuchUpload')
    const md5 = options.checksum === 'md5'
    const digest = createHash(md5 ? 'md5' : 'sha256')
      .update(body)
      .digest('base64')
    const declared = request.headers[md5 ? 'content-md5' : 'x-amz-checksum-sha256']
    if (digest !== declared) return xml(response, 400, 'BadDigest')
    upload.parts.set(partNumber, body)
    response.writeHead(200, { etag: '"x"' }).end()
  }

  async function complete(uploadId: string) {
    const upload = uploads.get(uploadId)
    if (!upload)
      return { uploadId, problem: { type: '/errors/not-found', status: 404, title: 'gone' } }
    upload.generation += 1
    const instead = options.onComplete?.(uploadId, upload.generation)
    if (instead) return { uploadId, ...instead }
    upload.polls += 1
    if (upload.polls <= (options.completingFor ?? 0))
      return { uploadId, status: 'completing', retryAfterSeconds: 0 }
    const layout = layoutOf(upload.fileSize)
    const missing = Array.from({ length: layout.partCount }, (_, i) => i + 1).filter(
      (n) => !upload.parts.has(n),
    )
    if (missing.length > 0) {
      const missingParts = missing.map((n): Range => [n, n])
      return {
        uploadId,
        problem: { type: '/errors/parts-missing', status: 409, title: 'missing', missingParts },
      }
    }
    const parts = Array.from(
      { length: layout.partCount },
      (_, i) => upload.parts.get(i + 1) ?? Buffer.alloc(0),
    )
    for (const [index, part] of parts.entries()) {
      if (part.length !== partRange(layout, index + 1).length)
        throw new Error('a part has the wrong length')
    }
    const digests = parts.map((part) => new Uint8Array(createHash('sha256').update(part).digest()))
    if ((await contentIdOf(digests)) !== upload.fileHash) throw new Error('the content id differs')
    upload.done = true
    const bytes = Buffer.concat(parts)
    const targets = upload.paths.map((path) => {
      const fileId = randomUUID()
      const { fileHash, fileSize } = upload
      files.set(path, { fileId, fileHash, fileSize, bytes, uploadId })
      return { path, fileId }
    })
    return {
      uploadId,
      status: 'stored',
      fileHash: upload.fileHash,
      fileSize: upload.fileSize,
      verified: true,
      files: targets,
    }
  }

  function byId(fileId: string) {
    return [...files.entries()].find(([, file]) => file.fileId === fileId)
  }

  function filesAnswer(query: URLSearchParams) {
    const prefix = query.get('prefix')
    if (prefix === null) return fileEntry(query.get('fileId') ?? '')
    const found = [...files].filter(([path]) => path.startsWith(prefix))
    return { files: found.map(([, { fileId }]) => fileEntry(fileId)), cursor: null }
  }

  function fileEntry(fileId: string) {
    const [path = '', file] = byId(fileId) ?? []
    return {
      fileId,
      path,
      fileName: path.split('/').pop(),
      fileSize: file?.fileSize,
      fileHash: file?.fileHash,
    }
  }

  function download(query: URLSearchParams) {
    const fileId = query.get('fileId') ?? ''
    const url = `${origin}/bucket/users/${fileId}?X-Ends=${Date.now() + (options.lifeMs ?? 60_000)}`
    const downloadId = query.get('downloadId') ?? randomUUID()
    return {
      url,
      downloadId,
      expiresInSeconds: (options.lifeMs ?? 60_000) / 1000,
      ...fileEntry(fileId),
      ...ways(),
    }
  }

  async function serveRange(
    url: URL,
    request: http.IncomingMessage,
    response: http.ServerResponse,
  ) {
    const [, file] = byId(url.pathname.split('/')[3] ?? '') ?? []
    if (!file) return xml(response, 404, 'NoSuchKey')
    if (Date.now() > Number(url.searchParams.get('X-Ends')))
      return xml(response, 403, 'AccessDenied: Request has expired')
    const [, first = '0', last = '0'] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []
    if (await suffer(options.onRange?.(Number(first)), request, response)) return
    const part = file.bytes.subarray(Number(first), Number(last) + 1)
    const ends = url.searchParams.get('X-Ends') ?? ''
    const partNumber = Number(first)
    seen.push({ path: 'get', uploadId: file.fileId, partNumber, bytes: part.length, ends })
    const range = `bytes ${first}-${last}/${file.fileSize}`
    response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part)
  }

  return {
    url: origin,
    ...state,
    stop: async () => {
      for (const { server } of servers) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

async function listen(handler: http.RequestListener) {
  const server = http.createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server's address is never a string or null.
  const { port } = server.address() as AddressInfo
  return { server, url: `http://127.0.0.1:${port}` }
}

async function suffer(
  fault: Fault,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<boolean> {
  if (fault === undefined) return false
  if (fault === 'reset') request.socket.destroy()
  if (fault === 'hang' || fault === 'reset') return true
  await readAll(request).catch(() => {})
  response.writeHead(fault.status, fault.headers).end(fault.body ?? '')
  return true
}

async function readAll(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function json(response: http.ServerResponse, value: unknown) {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function problem(response: http.ServerResponse, status: number, slug: string) {
  const body = { type: `/errors/${slug}`, status, title: slug, detail: slug }
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify(body))
}

function xml(response: http.ServerResponse, status: number, text: string) {
  const [code, message = code] = text.split(': ')
  response.writeHead(status).end(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`)
}
