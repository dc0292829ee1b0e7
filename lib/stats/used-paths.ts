import { type SQL, sql } from '../vendor/orm.js'

/** The ids of the paths of a session `s`, as rows of `id`: those that it began with, and those that carried parts. */
export const USED_PATHS: SQL = sql`
  (SELECT jsonb_array_elements_text(s.edges_used) AS id UNION SELECT jsonb_object_keys(s.paths))`

/** A jsonb list of texts; null, where there is nothing to list, is an empty one. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
