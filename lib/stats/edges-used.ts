import type { Row } from '../db/client.ts'

/** The ids in the jsonb column `edges_used`; null, where no session used any, is none. */
export function edgesUsedOf({ edges_used }: Row): string[] {
  return Array.isArray(edges_used) ? edges_used.map(String) : []
}
