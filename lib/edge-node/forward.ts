import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Admitted } from './admit.ts'
import type { Reservation } from './budget.ts'
import { ANSWER_HEADERS } from './cors.ts'
import type { Origin } from './origin.ts'
import { type Pump, pump } from './pump.ts'
import { linger, type Refusal, refuse } from './refuse.ts'

/** The slowest average pace of a body after its first minute; sixteen connections may share a very thin line. */
const BYTES_PER_SECOND_MIN = 1024

const RETURNED = new Set([
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'retry-after',
  'x-amz-error-code',
  'x-amz-error-message',
  'x-amz-id-2',
  'x-amz-request-id',
])
const CHECKSUM = /^x-amz-checksum-[a-z0-9]+$/

/** One admitted request on its way, with the connection of the client and the bytes set aside for it. */
export type Exchange = {
  incoming: IncomingMessage
  outgoing: ServerResponse
  admitted: Admitted
  reservation: Reservation
}

/** How requests travel: to which origin, and how long nothing may move (ms). `count` hears of every chunk passed on. */
export type Passage = {
  origin: Origin
  stallMs: number
  count: (bytesUp: number, bytesDown: number) => void
}

type Way = Exchange & {
  passage: Passage
  startedAt: number
  stall: NodeJS.Timeout
  upstream: ClientRequest | null
  body: Pump | null
  isAnswered: boolean
  isOver: boolean
  movedBytes: number
}

/**
 * Passes one admitted request to the origin and the answer back, both as streams. Whoever goes away takes the other side
 * along: an aborted body never becomes a part, because the origin gets fewer bytes than were announced. A request is sent
 * again only where a kept-alive connection was already dead and nothing of the body has been read.
 */
export function forward(exchange: Exchange, passage: Passage): void {
  const { outgoing, reservation } = exchange
  const way: Way = {
    ...exchange,
    passage,
    startedAt: Date.now(),
    stall: setTimeout(() => endStalled(way), passage.stallMs),
    upstream: null,
    body: null,
    isAnswered: false,
    isOver: false,
    movedBytes: 0,
  }
  outgoing.once('close', () => {
    clearTimeout(way.stall)
    reservation.settle(way.movedBytes)
    if (!way.isOver) way.upstream?.destroy()
    way.isOver = true
  })
  send(way)
}

function send(way: Way): void {
  const { method, url, headers, bodyBytes } = way.admitted
  const length = method === 'PUT' ? { 'content-length': bodyBytes } : {}
  const upstream = way.passage.origin.request({
    method,
    url,
    headers: { ...headers, ...length, 'accept-encoding': 'identity' },
  })
  way.upstream = upstream
  upstream.on('response', (answer) => giveBack(way, upstream, answer))
  upstream.on('error', () => {
    if (way.isOver || way.isAnswered) return
    if (upstream.reusedSocket && way.movedBytes === 0) sendAgain(way)
    else fail(way, { refusal: 'edge-origin-unavailable', detail: 'The connection to it failed.' })
  })
  if (method !== 'PUT') upstream.end()
  // One turn later the end of a connection that was closed while idle has been read, and all can be sent again.
  else upstream.once('socket', () => setImmediate(sendBody, way, upstream))
}

/** Nothing of the body has been read; it must wait, and for the new request alone. */
function sendAgain(way: Way): void {
  way.body?.stop()
  way.incoming.pause()
  send(way)
}

function sendBody(way: Way, upstream: ClientRequest): void {
  if (way.isOver || upstream !== way.upstream || upstream.destroyed) return
  if (upstream.socket?.readableEnded) {
    upstream.destroy()
    return
  }
  way.body = pump(way.incoming, upstream, {
    onChunk(bytes) {
      way.passage.count(bytes, 0)
      return keepsPace(way, bytes)
    },
    onEnd: () => upstream.end(),
  })
  way.incoming.resume()
}

function giveBack(way: Way, upstream: ClientRequest, answer: IncomingMessage): void {
  const declared = answer.headers['content-length']
  answer.on('error', () => way.outgoing.destroy())
  if (way.admitted.method === 'GET' && !way.reservation.extend(Number(declared ?? 0))) {
    const detail = `What is left of the grant is less than the ${declared} bytes of the answer.`
    fail(way, { refusal: 'grant-exceeded', detail })
    return
  }

  way.isAnswered = true
  const isEarly = !upstream.writableEnded
  if (isEarly) {
    way.body?.stop()
    linger(way.incoming, way.outgoing)
  }
  way.outgoing.writeHead(answer.statusCode ?? 502, { ...returned(answer), ...ANSWER_HEADERS })
  pump(answer, way.outgoing, {
    onChunk: (bytes) => takesDown(way, bytes, declared === undefined),
    onEnd() {
      // The origin has not taken the whole body: its connection is of no more use.
      if (isEarly) upstream.destroy()
      way.isOver = true
      way.outgoing.end()
    },
  })
}

/** Only a GET's answer counts. Where no length was declared, each chunk has to fit by itself. */
function takesDown(way: Way, bytes: number, isUndeclared: boolean): boolean {
  way.passage.count(0, bytes)
  if (way.admitted.method !== 'GET') return true
  if (isUndeclared && !way.reservation.extend(bytes)) return cut(way)
  return keepsPace(way, bytes)
}

/** Counts what moved; a body that only trickles is cut, and false. */
function keepsPace(way: Way, bytes: number): boolean {
  way.movedBytes += bytes
  way.stall.refresh()
  const graceMs = way.passage.stallMs + (way.movedBytes / BYTES_PER_SECOND_MIN) * 1000
  return Date.now() - way.startedAt <= graceMs || cut(way)
}

function cut(way: Way): false {
  way.outgoing.destroy()
  return false
}

function endStalled(way: Way): void {
  const isClientSilent =
    way.body !== null && !way.body.isWaitingForReader() && way.upstream?.writableEnded === false
  if (isClientSilent) fail(way, { refusal: 408, detail: 'The body stopped coming.' })
  else fail(way, { refusal: 'edge-origin-timeout', detail: 'Nothing moved for too long.' })
}

function fail(way: Way, refusal: Refusal): void {
  if (way.isOver) return
  way.isOver = true
  way.body?.stop()
  way.upstream?.destroy()
  refuse(way.incoming, way.outgoing, refusal)
}

function returned(answer: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(answer.headers)) {
    if (typeof value === 'string' && (RETURNED.has(name) || CHECKSUM.test(name)))
      headers[name] = value
  }
  return headers
}
