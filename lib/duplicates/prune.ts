import { type SQL, sql } from '../vendor/orm.js'

/** The longest period of the statistics, and a day. */
const DAYS_KEPT = 31
const ROWS_PER_RUN_MAX = 10_000

/** Forgets clones that no statistics ask for any more, a bounded number a run. */
export function pruneReferencesStatement(): SQL {
  return sql`
    DELETE FROM user_file_references WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM user_file_references WHERE created_at < now() - make_interval(days => ${DAYS_KEPT})
      ORDER BY created_at LIMIT ${ROWS_PER_RUN_MAX}))`
}
