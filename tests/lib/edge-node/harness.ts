import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  request,
} from 'node:http'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type RelaySettings, startRelay } from '../../../lib/edge-node/relay.ts'
import { type Grant, grantPublicKey, signGrant } from '../../../lib/edges/grant.ts'
import { closeServer, listen } from '../../local/listen.ts'

export const SEED = Buffer.alloc(32, 7).toString('base64')
export const BUCKET = 'bucket'
export const QUERY = 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00ff'
export const PATH = `/${BUCKET}/users/ada/object`
export const URL_OF_OBJECT = `${PATH}?${QUERY}`

/** A grant for account `ada` over relay `lon-1`, an hour long, of 1 GiB. */
export function makeGrant(change: Partial<Grant> = {}): Grant {
  const exp = Math.floor(Date.now() / 1000) + 3600
  const id = `grant-${Math.random().toString(36).slice(2).padEnd(8, '0')}`
  const grant = { v: 1, id, account: 'ada', prefix: 'users/ada/', relays: ['lon-1'] } as const
  return { ...grant, relays: ['lon-1'], bytes: 2 ** 30, exp, ...change }
}

export function makeToken(change: Partial<Grant> = {}): string {
  return signGrant(SEED, makeGrant(change))
}

/** A relay before an origin, stopped with the test. */
export async function makeRelay(origin: string, change: Partial<RelaySettings> = {}) {
  const relay = await startRelay({
    id: 'lon-1',
    origin,
    bucket: BUCKET,
    grantPublicKey: grantPublicKey(SEED),
    warmConnections: 0,
    stopMs: 0,
    ...change,
  })
  onTestFinished(relay.stop)
  return relay
}

/** An origin on loopback, stopped with the test. */
export async function makeOrigin(listener: RequestListener) {
  const server = createServer({ requestTimeout: 0 }, listener)
  const port = await listen(server)
  onTestFinished(() => closeServer(server))
  return { url: `http://127.0.0.1:${port}`, server }
}

export type Received = { method: string; url: string; headers: IncomingHttpHeaders; body: Buffer }

/** An origin that stores whole bodies and answers 200 with an ETag. */
export async function makeRecorder() {
  const received: Received[] = []
  const origin = await makeOrigin(async (incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming
    const body = await bodyOf(incoming).catch(() => null)
    if (body === null) return
    received.push({ method, url, headers, body })
    outgoing.writeHead(200, {
      etag: '"abc"',
      'set-cookie': 'a=b',
      'x-amz-checksum-sha256': 'c',
      location: 'http://s3',
    })
    outgoing.end()
  })
  return { ...origin, received }
}

export async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export type Ask = {
  method?: string
  path?: string
  headers?: Record<string, string | number | string[]>
  body?: Buffer
  token?: string | null
}

/** One request to a relay, with a fresh grant unless another or none is given, on a connection of its own. */
export async function ask(base: string, what: Ask = {}) {
  const { method = 'PUT', path = URL_OF_OBJECT, body, token = makeToken() } = what
  const sent = new URL(base)
  const outgoing = request({
    host: sent.hostname,
    port: sent.port,
    method,
    path,
    agent: false,
    headers: {
      ...(token === null ? {} : { 'x-jetty-grant': token }),
      ...(method === 'PUT' ? { 'content-length': body?.length ?? 0 } : {}),
      ...what.headers,
    },
  })
  outgoing.end(body)
  const [answer]: IncomingMessage[] = await once(outgoing, 'response')
  // The rest of a refused body may still be on its way out.
  outgoing.on('error', () => undefined)
  if (answer === undefined) throw new Error('no answer')
  const bytes = await bodyOf(answer)
  const isProblem = answer.headers['content-type'] === 'application/problem+json'
  return {
    status: answer.statusCode,
    headers: answer.headers,
    bytes,
    problem: isProblem && bytes.length > 0 ? JSON.parse(bytes.toString()) : null,
  }
}

/** Writes bytes on a bare connection and gives what comes back until it closes or is quiet for `quietMs`. */
export async function askRaw(port: number, text: string, quietMs = 300): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(text, 'latin1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
  })
  socket.setTimeout(quietMs, () => socket.destroy())
  await closed(socket)
  return answer
}

/**
 * Waits for the connection's end. `once(socket, 'close')` would fail where the end is a reset, which it is whenever the client
 * still had bytes under way when the other side closed.
 */
export async function closed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined)
  if (!socket.closed)
    await new Promise<void>((resolve) => void socket.once('close', () => resolve()))
}

/** Waits until something is true, up to 5 s unless given. */
export async function until(isTrue: () => boolean, limitMs = 5_000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error('waited in vain')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A promise and what settles it; Promise.withResolvers is not in Node 20. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
