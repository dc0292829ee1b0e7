import { type SQL, sql } from '../vendor/orm.js'

/** Longer than a function lives: who claimed and did not record is dead then, and its events are sent again. */
const LEASE_SECONDS = 90
/** Of one account in one batch; a batch smaller than this left nothing that is due. */
export const ACCOUNT_EVENTS_MAX = 20
const BATCH_EVENTS_MAX = 100
/** So many of those due longest are looked at, to find events of more than one account among them. */
const LOOKED_AT_MAX = 1000

const DAYS_KEPT = 30
const PRUNED_PER_RUN_MAX = 10_000

const WAITING = sql`delivered_at IS NULL AND given_up_at IS NULL`

/** What became of an event that `claimStatement` gave out under this number of attempts. */
export type Recorded = {
  id: string
  attempt: number
  /** `unsent`: the attempt was not made and does not count. */
  result: 'delivered' | 'retry' | 'given-up' | 'unsent'
  /** Until the next attempt, where there is one. */
  waitSeconds: number
  status: number | null
  error: string | null
}

/**
 * Takes events that are due, those due longest first, at most 20 an account: of two runners at once each event goes to one,
 * and comes back when that one dies. `url` and `sealed_secret` are null where the account has no endpoint any more.
 */
export function claimStatement(accountId: string | null, excluded: string): SQL {
  const some = accountId === null ? sql`true` : sql`account_id = ${accountId}`
  return sql`
    WITH looked_at AS (
      SELECT id, next_attempt_at, row_number() OVER (PARTITION BY account_id ORDER BY next_attempt_at) AS place
      FROM (
        SELECT id, account_id, next_attempt_at FROM event_outbox
        WHERE ${WAITING} AND next_attempt_at <= now() AND ${some} AND account_id <> ALL(${excluded}::uuid[])
        ORDER BY next_attempt_at LIMIT ${LOOKED_AT_MAX}) due
    ), locked AS (
      SELECT id FROM event_outbox
      WHERE ${WAITING} AND next_attempt_at <= now() AND id = ANY(ARRAY(
        SELECT id FROM looked_at WHERE place <= ${ACCOUNT_EVENTS_MAX} ORDER BY next_attempt_at LIMIT ${BATCH_EVENTS_MAX}))
      FOR UPDATE SKIP LOCKED
    ), claimed AS (
      UPDATE event_outbox o
      SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => ${LEASE_SECONDS})
      FROM locked WHERE o.id = locked.id
      RETURNING o.id, o.account_id, o.type, o.data, o.attempts, o.created_at
    )
    SELECT c.*, e.url, e.sealed_secret
    FROM claimed c LEFT JOIN event_endpoints e ON e.account_id = c.account_id AND e.disabled_at IS NULL`
}

/**
 * Keeps what became of claimed events. A runner whose lease ran out says nothing about those that another one claimed
 * since, but for those that it did deliver.
 */
export function recordStatement(recorded: readonly Recorded[]): SQL {
  return sql`
    WITH recorded AS (
      SELECT r.* FROM jsonb_to_recordset(${JSON.stringify(recorded)}::jsonb)
        AS r(id uuid, attempt int, result text, "waitSeconds" float, status int, error text)
      JOIN event_outbox o ON o.id = r.id
      WHERE o.delivered_at IS NULL AND (r.result = 'delivered' OR o.given_up_at IS NULL AND o.attempts = r.attempt)
      ORDER BY o.id FOR UPDATE OF o
    )
    UPDATE event_outbox o
    SET delivered_at = CASE r.result WHEN 'delivered' THEN now() END,
      given_up_at = CASE r.result WHEN 'given-up' THEN now() END,
      attempts = o.attempts - (r.result = 'unsent')::int,
      next_attempt_at = now() + make_interval(secs => r."waitSeconds"),
      last_status = CASE r.result WHEN 'unsent' THEN o.last_status ELSE r.status END,
      last_error = CASE r.result WHEN 'unsent' THEN o.last_error ELSE r.error END
    FROM recorded r WHERE o.id = r.id`
}

/** Gives up what waits for an account that has nowhere to send it. */
export function giveUpStatement(accountId: string, reason: string): SQL {
  return sql`
    UPDATE event_outbox SET given_up_at = now(), last_error = ${reason}
    WHERE NOT EXISTS (SELECT FROM event_endpoints WHERE account_id = ${accountId} AND disabled_at IS NULL)
      AND id IN (SELECT id FROM event_outbox WHERE account_id = ${accountId} AND ${WAITING} ORDER BY id FOR UPDATE)`
}

/** Forgets events of more than 30 days ago, a bounded number a run. The ladder is over long before that. */
export function pruneEventsStatement(): SQL {
  return sql`
    DELETE FROM event_outbox WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM event_outbox WHERE created_at < now() - make_interval(days => ${DAYS_KEPT})
      ORDER BY created_at LIMIT ${PRUNED_PER_RUN_MAX}))`
}
