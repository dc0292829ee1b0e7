import { createHash } from 'node:crypto'
import { seal, unseal } from '../accounts/seal.ts'
import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'
import * as z from '../vendor/zod.js'

/** How long a repeated provisioning shows the credentials again. */
export const CREDENTIAL_DAYS = 30

/** Which of the two systems keeps them. */
export type Side = 'agentcache' | 'storage'

const Credentials = z.object({
  apiKey: z.string(),
  apiSecret: z.string(),
  /** Of the events that go to `webhook_url`, where one was given. */
  eventSecret: z.nullable(z.string()),
})

/** What a new account's holder is given. */
export type Credentials = z.infer<typeof Credentials>

/** What was asked for, as one value to compare. */
export function requestDigest(parts: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/**
 * Keeps credentials, sealed, for `CREDENTIAL_DAYS` from the first time; later ones of another storage side replace them. `when`
 * is a table that must have a row.
 */
export function keepStatement(
  side: Side,
  userId: string,
  { digest, credentials, when }: { digest: string; credentials: Credentials; when?: SQL },
): SQL {
  const sealed = seal(JSON.stringify(credentials), contextOf(side, userId))
  return sql`
    INSERT INTO jettythunder_credentials (side, subject, request_digest, sealed, expires_at)
    SELECT ${side}, ${userId}, ${digest}, ${sealed}, now() + make_interval(days => ${CREDENTIAL_DAYS})
    ${when ? sql`FROM ${when}` : sql``}
    ON CONFLICT (side, subject) DO UPDATE SET request_digest = excluded.request_digest, sealed = excluded.sealed`
}

/** Reads what `keepStatement` kept and that has not expired. */
export function keptStatement(side: Side, userId: string): SQL {
  return sql`
    SELECT sealed FROM jettythunder_credentials
    WHERE side = ${side} AND subject = ${userId} AND expires_at > now()`
}

/** The credentials of `keptStatement`'s row; null where there are none (any more), or under a key that is not listed. */
export function keptOf(side: Side, userId: string, [row]: Row[]): Credentials | null {
  const text = row ? unseal(column.text(row, 'sealed'), contextOf(side, userId)) : null
  return text === null ? null : (z.safeParse(Credentials, JSON.parse(text)).data ?? null)
}

function contextOf(side: Side, userId: string): string {
  return `credentials/${side}/${userId}`
}
