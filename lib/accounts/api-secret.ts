import { createHash, randomBytes } from 'node:crypto'
import { query } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { sql } from '../vendor/orm.js'
import { requireActive } from './authenticate.ts'
import { countCall } from './rate-limit.ts'

const SECRET = /^jts_[A-Za-z0-9_-]{43}$/
const SECRET_BYTES = 32

/** A new account secret: `jts_` and 256 random bits. */
export function newApiSecret(): string {
  return `jts_${randomBytes(SECRET_BYTES).toString('base64url')}`
}

/** What is stored of a secret: SHA-256 in hex. It has 256 random bits, so no salt or stretching is needed. */
export function hashApiSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** `secretHash` is what the request was let in by: who changes the secret says that it is still that one. */
export type SecretHolder = { accountId: string; secretHash: string }

/**
 * The account whose secret the request carries as its bearer: for what its holder alone may do (keys, events). Counts
 * as a call of the account. SQL 1, Redis 1; a made-up form costs nothing. The look-up is by hash, so no comparison can be
 * timed.
 *
 * @throws Problem `unauthorized`, `account-suspended`, `account-deleted`, `rate-limited`
 */
export async function authenticateSecret(request: Request): Promise<SecretHolder> {
  const header = request.headers.get('authorization') ?? ''
  const secret = /^Bearer +(\S+)$/i.exec(header)?.[1] ?? ''
  if (!SECRET.test(secret)) throw unauthorizedSecret()
  const secretHash = hashApiSecret(secret)
  const [row] = await query(sql`
    SELECT a.id, a.status, t.rate_limit_per_minute
    FROM agentcache_accounts a JOIN tier_configs t ON t.tier = a.agentcache_tier WHERE a.secret_hash = ${secretHash}`)
  if (!row) throw unauthorizedSecret()
  const accountId = column.text(row, 'id')
  await countCall(request, accountId, column.number(row, 'rate_limit_per_minute'))
  requireActive(column.text(row, 'status'))
  return { accountId, secretHash }
}

/** For a secret that is none, or none any more. */
export function unauthorizedSecret(): Problem {
  return new Problem('unauthorized', 'Send the account secret as "Authorization: Bearer jts_…".')
}
