/**
 * A path as this project's keys need it: what is not in this set has no other spelling either, so no escape (`%2e`, `%2f`,
 * `%5c`, `%25`), doubled slash, backslash or `;` can mean one thing here and another at the origin. `:` and `@` may stand
 * escaped, as SigV4 writes them.
 */
const PATH = /^(?:\/(?:[A-Za-z0-9_.:@~-]|%3[Aa]|%40)+)+$/
const DOTS = /\/\.+(?:\/|$)/
const QUERY_VALUE = /^(?:[A-Za-z0-9._~!$'()*+,;:@/?=-]|%[0-9A-Fa-f]{2})*$/

const SIGNATURE = new Set([
  'X-Amz-Algorithm',
  'X-Amz-Content-Sha256',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-Security-Token',
  'X-Amz-Signature',
  'X-Amz-SignedHeaders',
])
const CHECKSUM = /^x-amz-(?:checksum-[a-z0-9]+|sdk-checksum-algorithm)$/
const NEEDED = ['X-Amz-Algorithm', 'X-Amz-Signature']
const PART = new Set(['partNumber', 'uploadId'])
const RESPONSE =
  /^response-(?:cache-control|content-disposition|content-encoding|content-language|content-type|expires)$/
const OPERATIONS: Record<string, string[]> = {
  PUT: ['PutObject', 'UploadPart'],
  GET: ['GetObject'],
  HEAD: ['HeadObject'],
}

/**
 * Says why a request target is not forwarded, or null where it may pass: an origin-form path inside `prefix` with a
 * presigned query that asks for nothing but the object or the part itself. What is checked is the very text that is sent on.
 */
export function checkUrl(method: string, url: string, prefix: string): string | null {
  const mark = url.indexOf('?')
  if (mark < 0) return 'The URL must be presigned.'
  const path = url.slice(0, mark)
  if (!PATH.test(path) || DOTS.test(path)) return 'The path is not one of an object here.'
  const key = path.replace(/%3a/gi, ':').replaceAll('%40', '@')
  if (!key.startsWith(prefix)) return 'The path is outside of what the grant allows.'
  return checkQuery(method, url.slice(mark + 1))
}

function checkQuery(method: string, query: string): string | null {
  const names = new Set<string>()
  for (const pair of query.split('&')) {
    const [name = ''] = pair.split('=', 1)
    if (!isAllowed(method, name, pair.slice(name.length + 1))) {
      return `The query may not have ${printable(name)}.`
    }
    if (names.has(name)) return `The query has ${name} twice.`
    names.add(name)
  }
  if (!NEEDED.every((name) => names.has(name))) return 'The URL must be presigned.'
  return names.has('partNumber') === names.has('uploadId')
    ? null
    : 'A part has a number and an upload.'
}

function isAllowed(method: string, name: string, value: string): boolean {
  if (!QUERY_VALUE.test(value)) return false
  if (SIGNATURE.has(name) || CHECKSUM.test(name)) return true
  if (name === 'x-id') return OPERATIONS[method]?.includes(value) ?? false
  return method === 'PUT' ? PART.has(name) : RESPONSE.test(name)
}

function printable(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '').slice(0, 40) || 'an empty name'
}
