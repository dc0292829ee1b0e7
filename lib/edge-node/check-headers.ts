import type { Refusal } from './refuse.ts'

const HEADERS_MAX = 64

/** What the origin gets to see; `host`, `content-length` and `connection` are written anew. */
const FORWARDED = new Set([
  'cache-control',
  'content-disposition',
  'content-language',
  'content-md5',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
  'x-amz-content-sha256',
  'x-amz-copy-source-if-match',
  'x-amz-copy-source-range',
  'x-amz-sdk-checksum-algorithm',
])
const CHECKSUM = /^x-amz-checksum-[a-z0-9]+$/
/** Read here and not forwarded. */
const FRAMING = new Set(['content-length', 'expect', 'host', 'transfer-encoding', 'x-jetty-grant'])
/** One line of printable ASCII: whatever two parsers could read in two ways stays out. */
const VALUE = /^[\t\x20-\x7e]*$/
const LENGTH = /^\d{1,15}$/

/** The headers of a request, sorted into what passes and what the relay itself needs. */
export type CheckedHeaders = {
  forwarded: Record<string, string>
  bodyBytes: number
  grantToken: string | null
}

/**
 * Refuses what could turn a presigned request into another one (credentials, a copy source, other `x-amz-` headers) or
 * could be read in two ways (a header twice, a body without one declared length), and drops everything unknown.
 */
export function checkHeaders(
  method: string,
  rawHeaders: readonly string[],
): CheckedHeaders | Refusal {
  if (rawHeaders.length > 2 * HEADERS_MAX) {
    return { refusal: 431, detail: `A request may have ${HEADERS_MAX} headers.` }
  }
  const known = new Map<string, string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = String(rawHeaders[at]).toLowerCase()
    const value = String(rawHeaders[at + 1])
    const fault = faultOf(name, value, known)
    if (fault !== null) return no(fault)
    if (isKnown(name)) known.set(name, value)
  }

  const bodyBytes = bodyLength(method, known)
  if (typeof bodyBytes !== 'number') return bodyBytes
  const forwarded = Object.fromEntries([...known].filter(([name]) => isForwarded(name)))
  return { forwarded, bodyBytes, grantToken: known.get('x-jetty-grant') ?? null }
}

function faultOf(name: string, value: string, known: Map<string, string>): string | null {
  if (name === 'authorization') return 'Credentials are not forwarded; the URL must be presigned.'
  if (name === 'upgrade') return 'No other protocol is spoken here.'
  if (name.startsWith('x-amz-') && !isForwarded(name)) return `The header ${name} is not forwarded.`
  if (known.has(name)) return `The header ${name} may stand only once.`
  const isPlain = !isKnown(name) || VALUE.test(value)
  return isPlain ? null : `The header ${name} may have printable ASCII only.`
}

function isKnown(name: string): boolean {
  return isForwarded(name) || FRAMING.has(name)
}

function isForwarded(name: string): boolean {
  return FORWARDED.has(name) || CHECKSUM.test(name)
}

function bodyLength(method: string, known: Map<string, string>): number | Refusal {
  const declared = known.get('content-length')
  if (method !== 'PUT') {
    const isEmpty = (declared === undefined || declared === '0') && !known.has('transfer-encoding')
    return isEmpty ? 0 : no(`A ${method} has no body.`)
  }
  if (known.has('transfer-encoding') || declared === undefined || !LENGTH.test(declared)) {
    return { refusal: 'length-required', detail: 'A PUT needs Content-Length, not chunks.' }
  }
  return Number(declared)
}

function no(detail: string): Refusal {
  return { refusal: 'edge-refused', detail }
}
