/**
 * A place in a request that differs from signature to signature; what fills it needs no escaping (digits; base64 in a
 * header).
 */
export type Hole = { hole: string }

/** Text with holes, adjacent text joined. */
export type Pieces = (string | Hole)[]

/** What SigV4 signs of a request. `path` is escaped already; `query` and `headers` are not. Header names in any case. */
export type CanonicalParts = {
  method: string
  path: string
  query: Record<string, string | Hole>
  headers: Record<string, string | Hole>
  payloadHash: string
}

/** Percent-encodes everything but RFC 3986's unreserved characters, in UTF-8, as SigV4 prescribes ("UriEncode"). */
export function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  })
}

/** Escapes an object's path and leaves its slashes alone. S3 neither normalises the path nor escapes it twice. */
export function escapePath(path: string): string {
  return path.split('/').map(escapeUri).join('/')
}

/** The canonical request of AWS Signature Version 4 ("Create a canonical request"), with the holes still open. */
export function canonicalRequest(request: CanonicalParts): Pieces {
  const { method, path, query, headers, payloadHash } = request
  const lines = canonicalHeaders(headers).flatMap(([name, value]) => [`${name}:`, value, '\n'])
  return joined([
    `${method}\n${path}\n`,
    ...canonicalQuery(query),
    '\n',
    ...lines,
    `\n${signedHeaders(headers)}\n${payloadHash}`,
  ])
}

/** The query string in canonical order: escaped names, by code unit. */
export function canonicalQuery(query: Record<string, string | Hole>): Pieces {
  const pairs = Object.entries(query)
    .map(([name, value]): [string, string | Hole] => [escapeUri(name), value])
    .sort(byName)
  return joined(
    pairs.flatMap(([name, value], index) => [
      `${index === 0 ? '' : '&'}${name}=`,
      typeof value === 'string' ? escapeUri(value) : value,
    ]),
  )
}

/** The names of the headers in canonical order, as `X-Amz-SignedHeaders` and the canonical request list them. */
export function signedHeaders(headers: Record<string, string | Hole>): string {
  return canonicalHeaders(headers)
    .map(([name]) => name)
    .join(';')
}

/** Fills the holes of a text. */
export function fill(pieces: Pieces, values: Record<string, string>): string {
  let text = ''
  for (const piece of pieces) text += typeof piece === 'string' ? piece : (values[piece.hole] ?? '')
  return text
}

function canonicalHeaders(headers: Record<string, string | Hole>): [string, string | Hole][] {
  return Object.entries(headers)
    .map(([name, value]): [string, string | Hole] => [name.toLowerCase(), trimmed(value)])
    .sort(byName)
}

function trimmed(value: string | Hole): string | Hole {
  return typeof value === 'string' ? value.trim().replace(/\s+/g, ' ') : value
}

function byName([left]: [string, unknown], [right]: [string, unknown]): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

function joined(pieces: Pieces): Pieces {
  const merged: Pieces = []
  for (const piece of pieces) {
    const last = merged.at(-1)
    if (typeof piece === 'string' && typeof last === 'string')
      merged[merged.length - 1] = last + piece
    else merged.push(piece)
  }
  return merged
}
