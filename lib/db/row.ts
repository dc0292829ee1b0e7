import type { Row } from './client.ts'

/** Reads a column of a raw row; the column's type is the schema's promise, a broken one is a defect and throws. */
export const column = {
  text: (row: Row, name: string): string => expect(row, name, textOf(row[name])),
  textOrNull: (row: Row, name: string): string | null => textOf(row[name]),
  number: (row: Row, name: string): number => expect(row, name, numberOf(row[name])),
  numberOrNull: (row: Row, name: string): number | null => numberOf(row[name]),
  boolean: (row: Row, name: string): boolean => expect(row, name, booleanOf(row[name])),
  /** RFC 3339 in UTC. */
  time: (row: Row, name: string): string => expect(row, name, timeOf(row[name])),
  timeOrNull: (row: Row, name: string): string | null => timeOf(row[name]),
  bytes: (row: Row, name: string): Buffer => expect(row, name, bytesOf(row[name])),
  bytesOrNull: (row: Row, name: string): Buffer | null => bytesOf(row[name]),
  /** A jsonb object of texts. */
  textRecord: (row: Row, name: string): Record<string, string> =>
    expect(row, name, recordOf(row[name])),
  /** A jsonb list of texts. */
  texts: (row: Row, name: string): string[] => expect(row, name, textsOf(row[name])),
  /** A jsonb list of an upload's targets; null is an empty list. */
  targets: (row: Row, name: string): Target[] => expect(row, name, targetsOf(row[name] ?? [])),
}

type Target = { path: string; fileId: string | null }

function expect<T>(row: Row, name: string, value: T | null): T {
  if (value === null)
    throw new Error(`column ${name} is missing or of another type: ${typeof row[name]}`)
  return value
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value
  return typeof value === 'string' && value !== '' ? Number(value) : null
}

function booleanOf(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null
}

function timeOf(value: unknown): string | null {
  if (value instanceof Date) return value.toISOString()
  return typeof value === 'string' ? new Date(value).toISOString() : null
}

/** bytea arrives as a buffer, or as PostgreSQL's hex text where type parsers were replaced. */
function bytesOf(value: unknown): Buffer | null {
  if (value instanceof Uint8Array) return Buffer.from(value)
  return typeof value === 'string' && value.startsWith('\\x')
    ? Buffer.from(value.slice(2), 'hex')
    : null
}

function recordOf(value: unknown): Record<string, string> | null {
  if (typeof value !== 'object' || value === null) return null
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]))
}

function textsOf(value: unknown): string[] | null {
  return Array.isArray(value) ? value.map(String) : null
}

function targetsOf(value: unknown): Target[] | null {
  if (!Array.isArray(value)) return null
  return value.map(({ path, fileId }) => ({ path: String(path), fileId: textOf(fileId) }))
}
