import { randomBytes } from 'node:crypto'
import { seal, unseal } from '../accounts/seal.ts'
import { inOneTrip, query } from '../db/client.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { giveUpStatement } from './outbox.ts'
import { requireEventUrl } from './resolve.ts'

const SECRET_BYTES = 32

/** A new signing secret: `whsec_` and 256 random bits in base64. */
export function newEventSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`
}

/** Sets where events go for the account in the table `account` (a row with its `id`, or none). */
export function setEndpointStatement(account: SQL, url: string, secret: string): SQL {
  return sql`
    INSERT INTO event_endpoints (account_id, url, sealed_secret)
    SELECT id, ${url}, ${seal(secret, contextOf(url))} FROM ${account}
    ON CONFLICT (account_id) DO UPDATE
    SET url = excluded.url, sealed_secret = excluded.sealed_secret, disabled_at = NULL, disabled_reason = NULL,
      updated_at = now()`
}

/**
 * Sets where an account's events go, those that wait included, and what they are signed with from now on. SQL 1, DNS 1.
 *
 * @throws Problem `events-url-refused`
 */
export async function setEndpoint(
  accountId: string,
  address: string,
): Promise<{ url: string; signingSecret: string }> {
  const url = await requireEventUrl(address)
  const signingSecret = newEventSecret()
  const account = sql`(SELECT ${accountId}::uuid AS id) account`
  await query(setEndpointStatement(account, url, signingSecret))
  return { url, signingSecret }
}

/** No more events for an account; those that wait are given up. Again and again is the same. SQL 1. */
export async function removeEndpoint(accountId: string): Promise<void> {
  await inOneTrip([
    sql`DELETE FROM event_endpoints WHERE account_id = ${accountId}`,
    giveUpStatement(accountId, 'the endpoint was removed'),
  ])
}

/**
 * Ends an endpoint that wants no more, unless it was set anew since (`sealedSecret` is the one that it was asked under), and
 * gives up what waits for it. SQL 1.
 */
export async function disableEndpoint(
  accountId: string,
  sealedSecret: string,
  reason: string,
): Promise<void> {
  await inOneTrip([
    sql`
    UPDATE event_endpoints SET disabled_at = now(), disabled_reason = ${reason}, updated_at = now()
    WHERE account_id = ${accountId} AND sealed_secret = ${sealedSecret} AND disabled_at IS NULL`,
    giveUpStatement(accountId, `the endpoint was disabled: ${reason}`),
  ])
}

/** What an endpoint's messages are signed with; null under a master key that is not listed any more. */
export function openSecret(url: string, sealedSecret: string): string | null {
  return unseal(sealedSecret, contextOf(url))
}

function contextOf(url: string): string {
  return `events/${url}`
}
