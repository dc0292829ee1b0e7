import { type SQL, sql } from '../vendor/orm.js'

export type EventType =
  | 'upload.completed'
  | 'file.deleted'
  | 'quota.warning'
  | 'account.tier_changed'
  | 'webhook.test'

/**
 * Puts events into the outbox, in the statement of what happened, for accounts that want to be told. `rows` is a query
 * with the columns `account_id` (uuid) and `data` (jsonb).
 */
export function emitStatement(type: EventType, rows: SQL): SQL {
  return sql`
    INSERT INTO event_outbox (account_id, type, data)
    SELECT r.account_id, ${type}, r.data FROM (${rows}) r
    WHERE EXISTS (SELECT FROM event_endpoints e WHERE e.account_id = r.account_id AND e.disabled_at IS NULL)`
}
