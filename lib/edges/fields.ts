const DIGITS = 4

/** A value as a hash field holds it: JSON, fractions to four significant digits. */
export function writeField(value: object): string {
  return JSON.stringify(value, (_, member) =>
    typeof member === 'number' && !Number.isInteger(member)
      ? Number(member.toPrecision(DIGITS))
      : member,
  )
}

/**
 * The fields of an answer to HGETALL that `read` accepts; what another version or somebody else wrote is left out. An
 * answer that is no hash (Redis away, a key of another type) has none.
 */
export function readFields<T>(reply: unknown, read: (value: unknown) => T | null): Map<string, T> {
  const fields = new Map<string, T>()
  for (const [name, text] of pairsOf(reply)) {
    const value = read(parse(text))
    if (value !== null) fields.set(name, value)
  }
  return fields
}

/** The names of all fields, also of those that nobody can read. */
export function fieldNames(reply: unknown): string[] {
  return pairsOf(reply).map(([name]) => name)
}

/** Redis answers names and values in one flat list, and so does Upstash's client unless it deserializes. */
function pairsOf(reply: unknown): [string, unknown][] {
  if (!Array.isArray(reply)) return Object.entries(Object(reply))
  const pairs: [string, unknown][] = []
  for (let n = 0; n + 1 < reply.length; n += 2) pairs.push([String(reply[n]), reply[n + 1]])
  return pairs
}

function parse(text: unknown): unknown {
  try {
    return JSON.parse(String(text))
  } catch {
    return null
  }
}
