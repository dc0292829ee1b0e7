import { Problem } from '../problem.ts'

/** A page cursor: the sort key of the page's last row, opaque to callers. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/**
 * The sort key in a cursor.
 *
 * @throws Problem `invalid-request` for anything that was not made by `encodeCursor` with `length` members
 */
export function decodeCursor(cursor: string, length: number): string[] {
  const key = readJson(Buffer.from(cursor, 'base64url').toString())
  const isKey =
    Array.isArray(key) && key.length === length && key.every((member) => typeof member === 'string')
  if (!isKey || key.some((member) => member.includes('\0')))
    throw new Problem('invalid-request', '/cursor: not a cursor of this list')
  return key
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
