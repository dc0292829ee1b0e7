import { withAccountLocked } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { sql } from '../vendor/orm.js'
import { deliverSoon } from './deliver-soon.ts'
import { emitStatement } from './emit.ts'

/** Each may become ten requests to an address that nobody proved to own. */
const TESTS_PER_MINUTE_MAX = 10
const MINUTE_SECONDS = 60

/**
 * Puts a `webhook.test` into the outbox; it leaves with the next delivery, usually at once. Under the account's lock, so that
 * many at once are counted too. SQL 1.
 *
 * @throws Problem `not-found` without an endpoint that takes events; `rate-limited` after 10 in a minute
 */
export async function sendTestEvent(accountId: string): Promise<{ id: string }> {
  const [[row] = []] = await withAccountLocked(accountId, [
    sql`
    WITH lately AS (
      SELECT count(*)::int AS n FROM event_outbox
      WHERE account_id = ${accountId} AND type = 'webhook.test' AND created_at > now() - make_interval(secs => ${MINUTE_SECONDS})
    ), told AS (
      ${emitStatement('webhook.test', sql`SELECT ${accountId}::uuid AS account_id, '{}'::jsonb AS data FROM lately WHERE n < ${TESTS_PER_MINUTE_MAX}`)}
    )
    SELECT n, (SELECT id FROM told) AS id FROM lately`,
  ])
  if (!row) throw new Error('a count without a row')
  const id = column.textOrNull(row, 'id')
  if (id === null) throw refusal(column.number(row, 'n'))
  deliverSoon(accountId)
  return { id }
}

function refusal(lately: number): Problem {
  return lately < TESTS_PER_MINUTE_MAX
    ? new Problem('not-found', 'There is no address that takes events; set one with PUT.')
    : new Problem('rate-limited', `At most ${TESTS_PER_MINUTE_MAX} test events a minute.`, {
        retryAfterSeconds: MINUTE_SECONDS,
      })
}
