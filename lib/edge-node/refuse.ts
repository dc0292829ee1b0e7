import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ANSWER_HEADERS } from './cors.ts'

/** How long the rest of a refused body is read and dropped, so that the answer arrives before the connection closes. */
const DRAIN_MS = 3_000

/** Everything a relay refuses. Each slug has a page: docs/errors/<slug>.md. */
export const REFUSALS = {
  'grant-required': { status: 401, title: 'The relay needs a grant' },
  'grant-invalid': { status: 401, title: 'The grant is not valid here' },
  'grant-expired': { status: 401, title: 'The time of the grant is over' },
  'grant-exceeded': { status: 403, title: 'The bytes of the grant are used up' },
  'edge-refused': { status: 403, title: 'The relay does not forward this request' },
  'length-required': { status: 411, title: 'The length of the body must be declared' },
  'edge-origin-unavailable': { status: 502, title: 'The relay does not reach the store' },
  'edge-origin-timeout': { status: 504, title: 'The store did not answer the relay in time' },
} as const satisfies Record<string, { status: number; title: string }>

export type RefusalSlug = keyof typeof REFUSALS

/** A request that a relay does not serve. A bare status stands for faults of HTTP itself (RFC 9457, `about:blank`). */
export type Refusal = { refusal: RefusalSlug | 400 | 408 | 431; detail: string }

/** The status and the problem document (RFC 9457) of a refusal. */
export function describe({ refusal, detail }: Refusal): { status: number; body: string } {
  const [type, status, title] =
    typeof refusal === 'number'
      ? ['about:blank', refusal, STATUS_CODES[refusal]]
      : [`/errors/${refusal}`, REFUSALS[refusal].status, REFUSALS[refusal].title]
  return { status, body: JSON.stringify({ type, title, status, detail }) }
}

/** Answers a refusal, unless an answer has begun already: then the connection is cut, which the client notices. */
export function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  refusal: Refusal,
): void {
  if (outgoing.headersSent) {
    outgoing.destroy()
    return
  }
  const { status, body } = describe(refusal)
  const headers = { ...ANSWER_HEADERS, 'content-type': 'application/problem+json' }
  linger(incoming, outgoing)
  outgoing.writeHead(status, {
    ...headers,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
}

/** Answers what is not a request that Node's parser accepts, on the bare connection, and closes it. */
export function refuseConnection(socket: Duplex, refusal: Refusal): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const { status, body } = describe(refusal)
  const headers = { ...ANSWER_HEADERS, 'content-type': 'application/problem+json' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}`
  socket.end(
    `${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
  setTimeout(() => socket.destroy(), DRAIN_MS).unref()
}

/**
 * Drops what is left of a request's body for up to 3 s, then the connection. Closing it right after the answer would make
 * the client's system throw away the answer it has just got. To be called before the head of the answer is written.
 */
export function linger(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (incoming.complete) return
  const { socket } = incoming
  const isLast = !outgoing.shouldKeepAlive
  // Node closes at once behind a last answer; here the body's end decides.
  outgoing.shouldKeepAlive = true
  incoming.removeAllListeners('data')
  incoming.resume()
  const timer = setTimeout(() => socket.destroy(), DRAIN_MS)
  const forget = () => clearTimeout(timer)
  socket.once('close', forget)
  incoming.once('end', () => {
    forget()
    socket.off('close', forget)
    if (isLast && outgoing.writableFinished) socket.end()
    else if (isLast) outgoing.once('finish', () => socket.end())
  })
}
