import type { Edge } from './wire.ts'

/** Relays as a client remembers them between uploads: JSON of their ids and addresses, best first. */
export function relaysToText(edges: readonly Edge[]): string {
  return JSON.stringify(edges.map(({ id, url }) => ({ id, url })))
}

/**
 * The relays in such a text; whatever else stands there is left out.
 *
 * @throws SyntaxError for what is no JSON
 */
export function relaysFromText(text: string): Edge[] {
  const edges: unknown = JSON.parse(text)
  return Array.isArray(edges) ? edges.filter(isRelay) : []
}

function isRelay(value: unknown): value is Edge {
  const { id, url }: Partial<Edge> = Object(value)
  return typeof id === 'string' && typeof url === 'string' && /^https?:/.test(url)
}
