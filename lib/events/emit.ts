import { type SQL, sql } from '../vendor/orm.js'

export type EventType =
  | 'upload.completed'
  | 'file.deleted'
  | 'quota.warning'
  | 'account.tier_changed'
  | 'webhook.test'

/**
 * Puts events into the outbox, in the statement of what happened, for accounts that want to be told. `rows` is a query
 * with the columns `account_id` (uuid) and `data` (jsonb). Gives the `id` of each event that somebody listens to.
 */
export function emitStatement(type: EventType, rows: SQL): SQL {
  return sql`
    INSERT INTO event_outbox (account_id, type, data)
    SELECT r.account_id, ${type}, r.data FROM (${rows}) r
    WHERE EXISTS (SELECT FROM event_endpoints e WHERE e.account_id = r.account_id AND e.disabled_at IS NULL)
    RETURNING id`
}

/**
 * `file.deleted` for each row of a table of the statement (`account_id`, `id`, `path`, `size_bytes`): moved to the trash, or
 * ended for good (`isPermanent`).
 */
export function emitDeleted(files: SQL, isPermanent: boolean): SQL {
  return emitStatement(
    'file.deleted',
    sql`SELECT account_id, jsonb_build_object('fileId', id, 'path', path, 'fileSize', size_bytes,
        'permanent', ${isPermanent}::boolean) AS data FROM ${files}`,
  )
}
