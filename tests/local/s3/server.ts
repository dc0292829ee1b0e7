import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { closeServer, listen } from '../listen.ts'
import { type Exchange, parseCall, type Reply, type Store } from './call.ts'
import { corsHeaders, preflight } from './cors.ts'
import { PROFILES, type ProfileName } from './profiles.ts'
import { refusalOf, refusalXml, statusOf } from './refuse.ts'
import { operationOf } from './route.ts'
import { verifySignature } from './signature.ts'
import { openState } from './state.ts'

const LOOPBACK = '127.0.0.1'
/** How long a refused sender may go on sending, so that it reads the refusal instead of a broken connection. */
const DRAIN_MS_MAX = 3_000
const KEEP_ALIVE_MS = 60_000

export type S3Options = {
  /** Where objects and open uploads are kept; made when absent, picked up again when not. */
  dataDir: string
  /** Wanted port; when it is taken (and by default) a free one is used. */
  port?: number
  /** The address to listen on; loopback unless given. */
  host?: string
  profile?: ProfileName
  accessKeyId: string
  secretAccessKey: string
  region: string
  /** Created when absent. */
  bucket: string
  /** False imitates stores without CORS. */
  cors?: boolean
}

export type RunningS3 = { endpoint: string; port: number; stop(): Promise<void> }

/**
 * Starts an S3-compatible server (path-style addressing, signature version 4).
 *
 * @throws Error in plain words when the data folder is damaged
 */
export async function startS3(options: S3Options): Promise<RunningS3> {
  const { dataDir, port = 0, host = LOOPBACK, profile = 'aws' } = options
  const { cors = true, bucket, accessKeyId, secretAccessKey, region } = options
  const state = await openState(dataDir)
  if (!state.buckets.has(bucket)) {
    state.commit({ type: 'bucket', name: bucket, createdAt: new Date().toISOString() })
  }
  const identity = { accessKeyId, secretAccessKey, region }
  const store: Store = { state, profile: PROFILES[profile], cors, ...identity }

  const server = createServer({ noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 })
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    void answer({ store, request, response, requestId: newRequestId() })
  server.on('request', handle)
  // Without a listener Node says "100 Continue" at once; here the operation says it, when it wants the body.
  server.on('checkContinue', handle)

  const bound = await listen(server, port, { host })
  return {
    endpoint: `http://${host}:${bound}`,
    port: bound,
    async stop() {
      await closeServer(server)
      state.close()
    },
  }
}

async function answer(exchange: Exchange): Promise<void> {
  const { store, request, response, requestId } = exchange
  const headers = { 'x-amz-request-id': requestId, ...(store.cors && corsHeaders(request)) }
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  try {
    await send(exchange, await replyTo(exchange))
  } catch (error) {
    // The client went away, or the disk failed with half an object sent: either way there is no one to tell.
    if (response.headersSent) return void response.destroy()
    const refusal = refusalOf(error)
    const xml = refusalXml(refusal, request.url?.split('?')[0] ?? '', requestId)
    await send(exchange, { status: statusOf(refusal), xml })
  }
  if (!request.complete) drain(request)
}

async function replyTo(exchange: Exchange): Promise<Reply> {
  const { store, request } = exchange
  if (request.method === 'OPTIONS') return preflight(request, store.cors)
  const call = parseCall(exchange)
  const payloadHash = verifySignature(call)
  return operationOf(call)(call, payloadHash)
}

async function send({ store, request, response }: Exchange, reply: Reply): Promise<void> {
  const { status, headers = {}, xml, segments } = reply
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)

  if (segments && request.method !== 'HEAD') {
    return pipeline(store.state.blobs.read(segments), response)
  }
  if (xml !== undefined) {
    response.setHeader('content-type', 'application/xml')
    response.setHeader('content-length', Buffer.byteLength(xml))
  } else if (!response.hasHeader('content-length') && status !== 204 && status !== 304) {
    response.setHeader('content-length', 0)
  }
  response.end(request.method === 'HEAD' ? undefined : xml)
}

/** Reads on after an early refusal; the connection stays usable when the rest comes in time. */
function drain(request: IncomingMessage): void {
  const timer = setTimeout(() => request.socket.destroy(), DRAIN_MS_MAX)
  request.once('close', () => clearTimeout(timer))
  request.once('end', () => clearTimeout(timer))
  request.on('error', () => {})
  request.resume()
}

function newRequestId(): string {
  return randomBytes(8).toString('hex').toUpperCase()
}
