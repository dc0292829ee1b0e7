import { randomBytes } from 'node:crypto'
import { seal, unseal } from '../accounts/seal.ts'
import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'

const SECRET_BYTES = 32

/** Where an account's events go, and what they are signed with (`whsec_…`, Standard Webhooks). */
export type EventEndpoint = { url: string; secret: string }

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

/** Reads `url` and `sealed_secret`; null under a master key that is not listed any more. */
export function endpointOf(row: Row): EventEndpoint | null {
  const url = column.text(row, 'url')
  const secret = unseal(column.text(row, 'sealed_secret'), contextOf(url))
  return secret === null ? null : { url, secret }
}

function contextOf(url: string): string {
  return `events/${url}`
}
