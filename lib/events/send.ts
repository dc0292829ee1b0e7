import type { ClientRequest, IncomingMessage } from 'node:http'
import type { LookupFunction } from 'node:net'
import { Problem } from '../problem.ts'
import { VERSION } from '../version.ts'
import type { WebhookHeaders } from '../webhooks/standard.ts'
import { hostOf, parseEventUrl } from './address.ts'
import type { Attempt } from './ladder.ts'
import { resolveBySystem, resolvePublic } from './resolve.ts'

const TIMEOUT_MS = 15_000
/** A receiver's words do not matter; more of them than this cost it the connection. */
const ANSWER_BYTES_MAX = 16_384

export type Message = { headers: WebhookHeaders; body: string }

/**
 * Posts a message to a customer's address, which is checked again: the connection goes to the very addresses that were
 * checked, while Host and certificate stay those of the name. Redirects are not followed. 15 s for all of it. Never throws.
 */
export async function postEvent(
  address: string,
  message: Message,
  resolve = resolveBySystem,
): Promise<Attempt> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const url = parseEventUrl(address)
    const addresses = await orAborted(resolvePublic(url, resolve), signal)
    const lookup: LookupFunction = (_name, { all }, done) => {
      const [first] = addresses
      if (all || !first) done(null, addresses)
      else done(null, first.address, first.family)
    }
    return await post(url, message, { lookup, signal })
  } catch (error) {
    return { status: null, error: signal.aborted ? 'timed out' : wordsOf(error), retryAfter: null }
  }
}

type Way = { lookup: LookupFunction; signal: AbortSignal }

async function post(url: URL, { headers, body }: Message, way: Way): Promise<Attempt> {
  // Loaded by the first message: TLS is dear to load, and most runs have nothing to send.
  const client = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const request = client.request({
    ...way,
    method: 'POST',
    host: hostOf(url),
    port: url.port,
    path: url.pathname + url.search,
    // A kept connection would lead to what was checked some time ago.
    agent: false,
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': `JettySpeed/${VERSION}`,
    },
  })
  const answer = await answerTo(request, body)
  await drain(answer)
  const status = answer.statusCode ?? 0
  const error = status >= 200 && status < 300 ? null : `answered ${status}`
  return { status, error, retryAfter: answer.headers['retry-after'] ?? null }
}

function answerTo(request: ClientRequest, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.on('error', reject)
    request.end(body)
  })
}

/** Reads an answer to its end or limit. Its status was heard, so whatever happens to the rest does not matter. */
function drain(answer: IncomingMessage): Promise<void> {
  let bytes = 0
  return new Promise((resolve) => {
    answer.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes > ANSWER_BYTES_MAX) answer.destroy()
    })
    answer.on('error', () => {})
    answer.once('close', resolve)
  })
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return await Promise.race([work, aborted])
}

/** What the customer may read of a failure: our own words, or the system's code. */
function wordsOf(error: unknown): string {
  if (error instanceof Problem) return error.message
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.name : 'failed'
}
