import { query } from '../../../lib/db/client.ts'
import { column } from '../../../lib/db/row.ts'
import { setEndpoint } from '../../../lib/events/endpoint.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount, type TestAccount, type TestAccountOptions } from '../../local/account.ts'

/** Import this after `ownDatabase`. */
export type Listener = TestAccount & { signingSecret: string }

/** An account whose events go to this address. */
export async function aListener(url: string, options: TestAccountOptions = {}): Promise<Listener> {
  const account = await anAccount(options)
  const { signingSecret } = await setEndpoint(account.accountId, url)
  return { ...account, signingSecret }
}

/** Puts events of no meaning into an account's outbox, due now. */
export async function emitSome(accountId: string, count = 1): Promise<string[]> {
  const rows = await query(sql`
    INSERT INTO event_outbox (account_id, type, data)
    SELECT ${accountId}, 'webhook.test', jsonb_build_object('n', n) FROM generate_series(1, ${count}) n RETURNING id`)
  return rows.map((row) => column.text(row, 'id'))
}

/** Everything that waits for an account is due now, leases and all. */
export async function letTimePass(accountId: string): Promise<void> {
  await query(
    sql`UPDATE event_outbox SET next_attempt_at = now() - interval '1 second' WHERE account_id = ${accountId}`,
  )
}

/** An account's events, oldest first; `waits` in seconds. */
export async function outboxOf(accountId: string) {
  const rows = await query(sql`
    SELECT *, extract(epoch FROM next_attempt_at - now())::float AS waits FROM event_outbox
    WHERE account_id = ${accountId} ORDER BY created_at, data->>'n'`)
  return rows.map((row) => ({
    id: column.text(row, 'id'),
    type: column.text(row, 'type'),
    data: row.data,
    attempts: column.number(row, 'attempts'),
    isDelivered: row.delivered_at !== null,
    isGivenUp: row.given_up_at !== null,
    waits: column.number(row, 'waits'),
    status: column.numberOrNull(row, 'last_status'),
    error: column.textOrNull(row, 'last_error'),
  }))
}
