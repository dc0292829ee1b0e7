import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** What the platform accepts of a request and gives of a buffered response, in bytes. */
export const PAYLOAD_BYTES_MAX = 4_500_000

/** Where the platform would place a caller, from its address. */
export type Location = { latitude?: string; longitude?: string; country?: string; city?: string }

/** Headers only the platform sets: what a client sends under these names is dropped. */
const PLATFORM_HEADER =
  /^x-(?:vercel-(?:ip-.*|id|forwarded-for|deployment-url)|forwarded-(?:for|host|proto)|real-ip)$/
const BODYLESS = new Set(['GET', 'HEAD'])

/** The request as a function sees it; `params` are added to its query, as Vercel does with dynamic segments. */
export function webRequest(
  incoming: IncomingMessage,
  body: Buffer,
  { params, location }: { params: Record<string, string>; location: Location },
): Request {
  const host = incoming.headers.host ?? 'localhost'
  const url = new URL(incoming.url ?? '/', `http://${host}`)
  for (const [name, value] of Object.entries(params)) url.searchParams.append(name, value)
  const { method = 'GET' } = incoming
  const headers = platformHeaders(incoming, location)
  const content = BODYLESS.has(method) ? null : new Uint8Array(body)
  return new Request(url, { method, headers, body: content })
}

/** Sends a function's response; headers of vercel.json stand where the function set none. */
export async function sendResponse(
  outgoing: ServerResponse,
  response: Response,
  defaults: [string, string][],
): Promise<void> {
  const body = await bodyOf(response)
  if (body && body.length > PAYLOAD_BYTES_MAX) {
    return platformAnswer(outgoing, 500, 'FUNCTION_RESPONSE_PAYLOAD_TOO_LARGE')
  }
  for (const [name, value] of defaults) outgoing.setHeader(name, value)
  for (const [name, value] of response.headers)
    if (name !== 'set-cookie') outgoing.setHeader(name, value)
  const cookies = response.headers.getSetCookie()
  if (cookies.length) outgoing.setHeader('set-cookie', cookies)
  outgoing.statusCode = response.status
  if (body) {
    outgoing.end(body)
    return
  }
  await pump(response, outgoing)
}

const PLATFORM_TEXTS: Record<string, string> = {
  NOT_FOUND: 'The page could not be found',
  FUNCTION_PAYLOAD_TOO_LARGE: 'Request Entity Too Large',
  FUNCTION_INVOCATION_TIMEOUT: 'An error occurred with your deployment',
  FUNCTION_INVOCATION_FAILED: 'A server error has occurred',
  FUNCTION_RESPONSE_PAYLOAD_TOO_LARGE: 'A server error has occurred',
}

/** An answer of the platform itself, with its error code in text and header. */
export function platformAnswer(outgoing: ServerResponse, status: number, code: string): void {
  if (outgoing.headersSent) {
    outgoing.destroy()
    return
  }
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-vercel-error': code }
  outgoing.writeHead(status, headers).end(`${PLATFORM_TEXTS[code] ?? code}\n\n${code}\n`)
}

function platformHeaders(incoming: IncomingMessage, location: Location): Headers {
  const headers = new Headers()
  const { rawHeaders } = incoming
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    if (!PLATFORM_HEADER.test(name)) headers.append(name, rawHeaders[at + 1] ?? '')
  }
  const address = incoming.socket.remoteAddress ?? '127.0.0.1'
  headers.set('x-forwarded-for', address)
  headers.set('x-real-ip', address)
  headers.set('x-forwarded-host', incoming.headers.host ?? 'localhost')
  headers.set('x-forwarded-proto', 'http')
  headers.set('x-vercel-id', `dev1::${randomBytes(12).toString('hex')}`)
  for (const [name, value] of Object.entries(location)) {
    if (value) headers.set(`x-vercel-ip-${name}`, encodeURIComponent(value))
  }
  return headers
}

/** The whole body, or null for an event stream: the platform passes those on as they come. */
async function bodyOf(response: Response): Promise<Buffer | null> {
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) return null
  return Buffer.from(await response.arrayBuffer())
}

async function pump(response: Response, outgoing: ServerResponse): Promise<void> {
  if (!response.body) {
    outgoing.end()
    return
  }
  const reader = response.body.getReader()
  outgoing.on('close', () => void reader.cancel().catch(() => {}))
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    outgoing.write(value)
  }
  outgoing.end()
}
