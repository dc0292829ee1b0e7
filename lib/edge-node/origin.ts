import {
  type ClientRequest,
  Agent as HttpAgent,
  type OutgoingHttpHeaders,
  request as requestHttp,
} from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { type Contact, watchContact } from './contact.ts'

/** Stores drop idle connections after some 5 to 60 s; asking more often than that keeps them. */
const WARM_MS = 4_000
/** A relay that nobody has used for this long lets its connections go. */
const IDLE_MS = 10 * 60_000
const WARM_TIMEOUT_MS = 10_000
/** Room for a few reads of 64 KiB on each side before the sender is told to wait. */
export const BUFFER_BYTES = 256 * 1024

/** The one store behind a relay. Nothing in a request can choose another. */
export type Origin = {
  request: (what: { method: string; url: string; headers: OutgoingHttpHeaders }) => ClientRequest
  /** Opens the warm connections, if they are not open yet. */
  warm: () => void
  /** Whether the origin answers, whatever it says. */
  isReachable: Contact['isReachable']
  stop: () => void
}

type OriginSettings = {
  url: URL
  bucket: string
  /** `host:port` that stands in for the origin's own, as with `curl --connect-to`. */
  connectTo?: string
  socketsMax: number
  warmConnections: number
}

/**
 * Connections to an origin, kept open and reused: HTTP/1.1, because one HTTP/2 connection is one congestion window.
 * `warmConnections` of them are opened ahead and asked for an empty listing every few seconds while the relay is in
 * use, so that an upload begins without the handshakes of the long way. The question is unsigned and a refusal will do;
 * it is no HEAD, because Node closes behind a HEAD without a length.
 */
export function openOrigin(settings: OriginSettings): Origin {
  const { bucket, warmConnections } = settings
  const { request, close } = connect(settings)
  const contact = watchContact((timeoutMs) => askTwice(request, `/${bucket}?max-keys=0`, timeoutMs))
  const ask = () => {
    for (let count = 0; count < warmConnections; count += 1) void contact.ask(WARM_TIMEOUT_MS)
  }
  let usedAt = Date.now()
  const timer = setInterval(() => Date.now() - usedAt < IDLE_MS && ask(), WARM_MS).unref()
  ask()

  return {
    request,
    isReachable: contact.isReachable,
    warm() {
      if (Date.now() - usedAt >= IDLE_MS) ask()
      usedAt = Date.now()
    },
    stop() {
      clearInterval(timer)
      close()
    },
  }
}

/** One unsigned question. On a connection that the origin had closed meanwhile it is asked once more. */
async function askTwice(
  request: Origin['request'],
  url: string,
  timeoutMs: number,
): Promise<boolean> {
  const first = await askOnce(request({ method: 'GET', url, headers: {} }), timeoutMs)
  if (first !== 'stale') return first === 'answered'
  return (await askOnce(request({ method: 'GET', url, headers: {} }), timeoutMs)) === 'answered'
}

async function askOnce(
  question: ClientRequest,
  timeoutMs: number,
): Promise<'answered' | 'failed' | 'stale'> {
  let isLate = false
  const limit = setTimeout(() => {
    isLate = true
    question.destroy()
  }, timeoutMs).unref()
  return await new Promise((resolve) => {
    question.on('response', (answer) => {
      resolve('answered')
      answer.on('error', () => undefined).resume()
    })
    question.on('error', () => resolve(question.reusedSocket && !isLate ? 'stale' : 'failed'))
    question.on('close', () => clearTimeout(limit))
    question.end()
  })
}

function connect({ url, connectTo, socketsMax }: OriginSettings): {
  request: Origin['request']
  close: () => void
} {
  const { protocol } = url
  const address = connectTo === undefined ? url : new URL(`${protocol}//${connectTo}`)
  const { hostname, port } = urlToHttpOptions(address)
  const options = {
    keepAlive: true,
    noDelay: true,
    maxSockets: socketsMax,
    maxFreeSockets: socketsMax,
    // Handed on to the sockets, which know it; the types of Agent do not.
    writableHighWaterMark: BUFFER_BYTES,
  }
  const isTls = protocol === 'https:'
  const agent = isTls ? new HttpsAgent(options) : new HttpAgent(options)
  const request = isTls ? requestHttps : requestHttp
  return {
    close: () => agent.destroy(),
    request: ({ method, url: path, headers }) => {
      putWidestLast(agent)
      // Node takes the TLS name from Host, too.
      const sent = { ...headers, host: url.host }
      return request({ agent, protocol, hostname, port, method, path, headers: sent })
    },
  }
}

/**
 * Of the connections that are free the agent takes the last. A congestion window grows with what a connection carries, so the one
 * that carried most begins fastest, which decides about files of one part; the questions between uploads keep it open.
 */
function putWidestLast({ freeSockets }: HttpAgent): void {
  for (const sockets of Object.values(freeSockets)) {
    sockets?.sort((a, b) => a.bytesWritten - b.bytesWritten)
  }
}
