import { Problem } from '../problem.ts'

/** A page cursor: the sort key of the page's last row, opaque to callers. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** What a member of a sort key may be: an id, or text that PostgreSQL takes. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const TEXT = /^[^\0\p{Surrogate}]*$/u

/**
 * The sort key in a cursor: as many members as there are patterns, each of its form.
 *
 * @throws Problem `invalid-request` for anything that was not made by `encodeCursor` of the same list
 */
export function decodeCursor(cursor: string, patterns: readonly RegExp[]): string[] {
  const key = readJson(Buffer.from(cursor, 'base64url').toString())
  const isKey =
    Array.isArray(key) &&
    key.length === patterns.length &&
    patterns.every((pattern, at) => typeof key[at] === 'string' && pattern.test(key[at]))
  if (!isKey) throw new Problem('invalid-request', '/cursor: not a cursor of this list')
  return key
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
