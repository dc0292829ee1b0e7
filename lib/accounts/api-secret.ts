import { createHash, randomBytes } from 'node:crypto'
import { query } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { sql } from '../vendor/orm.js'
import { requireActive } from './authenticate.ts'

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

/**
 * The account whose secret the request carries as its bearer: for what its holder alone may do (keys, events). SQL 1; a
 * made-up form costs nothing. The look-up is by hash, so no comparison can be timed.
 *
 * @throws Problem `unauthorized`, `account-suspended`, `account-deleted`
 */
export async function authenticateSecret(request: Request): Promise<{ accountId: string }> {
  const header = request.headers.get('authorization') ?? ''
  const secret = /^Bearer +(\S+)$/i.exec(header)?.[1] ?? ''
  if (!SECRET.test(secret)) throw unauthorized()
  const [row] = await query(
    sql`SELECT id, status FROM agentcache_accounts WHERE secret_hash = ${hashApiSecret(secret)}`,
  )
  if (!row) throw unauthorized()
  requireActive(column.text(row, 'status'))
  return { accountId: column.text(row, 'id') }
}

function unauthorized(): Problem {
  return new Problem('unauthorized', 'Send the account secret as "Authorization: Bearer jts_…".')
}
