import { inOneTrip, query, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { Problem } from '../problem.ts'
import { type SQL, sql } from '../vendor/orm.js'
import { hashApiKey, newApiKey } from './api-key.ts'
import { hashApiSecret, newApiSecret, type SecretHolder, unauthorizedSecret } from './api-secret.ts'
import { forgetApiKeys } from './authenticate.ts'

/** So much of a key's hash names it; the rest stays in the database. */
const KEY_ID_CHARS = 16

/** What is cached of a key that ended is gone by then, so nobody has to be told of it any more. */
const ENDED_SECONDS = 60

/** A key without itself. */
export type KeyView = { keyId: string; createdAt: string; expiresAt: string | null }

/** The keys of an account that still work, newest first. SQL 1. */
export async function listKeys(accountId: string): Promise<KeyView[]> {
  const rows = await query(sql`
    SELECT key_hash, created_at, expires_at FROM api_keys
    WHERE account_id = ${accountId} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    ORDER BY created_at DESC, key_hash`)
  return rows.map(viewOf)
}

/**
 * Makes a new key; the newest before it lives on for the overlap, the others end at once, so at most two work at a time. Those
 * that ended more than a minute ago are forgotten. The account's row is locked: of two rotations at once, one comes after
 * the other. SQL 1, Redis 1.
 */
export async function rotateKey(
  accountId: string,
  overlapSeconds: number,
): Promise<KeyView & { apiKey: string }> {
  const apiKey = newApiKey()
  const [, ended = [], , , [made] = []] = await inOneTrip([
    sql`SELECT FROM agentcache_accounts WHERE id = ${accountId} FOR UPDATE`,
    sql`
    WITH living AS (
      SELECT key_hash, row_number() OVER (ORDER BY created_at DESC, key_hash) AS age FROM api_keys
      WHERE account_id = ${accountId} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
    )
    UPDATE api_keys k
    SET expires_at = least(k.expires_at, now() + make_interval(secs => CASE living.age WHEN 1 THEN ${overlapSeconds} ELSE 0 END))
    FROM living WHERE k.key_hash = living.key_hash
    RETURNING k.key_hash`,
    forgetKept(accountId, sql`true`),
    sql`DELETE FROM api_keys WHERE account_id = ${accountId}
      AND least(revoked_at, expires_at) < now() - make_interval(secs => ${ENDED_SECONDS})`,
    sql`INSERT INTO api_keys (key_hash, account_id, created_at) VALUES (${hashApiKey(apiKey)}, ${accountId}, clock_timestamp())
      RETURNING key_hash, created_at, expires_at`,
  ])
  if (!made) throw new Error('a key that was just made is not there')
  await forgetApiKeys(ended.map((row) => column.text(row, 'key_hash')))
  return { ...viewOf(made), apiKey }
}

/**
 * Ends a key; it is refused within 60 s everywhere, at once where Redis is reached. SQL 1, Redis 1.
 *
 * @throws Problem `not-found`
 */
export async function revokeKey(accountId: string, keyId: string): Promise<void> {
  const isThis = sql`account_id = ${accountId} AND left(key_hash, ${KEY_ID_CHARS}) = ${keyId}`
  const [[row] = []] = await inOneTrip([
    sql`UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE ${isThis} RETURNING key_hash`,
    forgetKept(accountId, sql`EXISTS (SELECT FROM api_keys WHERE ${isThis})`),
  ])
  if (!row) throw new Problem('not-found', 'There is no such key in this account.')
  await forgetApiKeys([column.text(row, 'key_hash')])
}

/**
 * Makes a new account secret; the one before it ends. Of several at once with one secret, one gets a new one. SQL 1.
 *
 * @throws Problem `unauthorized` where the secret was changed meanwhile
 */
export async function rotateSecret({ accountId, secretHash }: SecretHolder): Promise<string> {
  const apiSecret = newApiSecret()
  const newHash = hashApiSecret(apiSecret)
  const [[row] = []] = await inOneTrip([
    sql`
    UPDATE agentcache_accounts SET secret_hash = ${newHash}, updated_at = now()
    WHERE id = ${accountId} AND secret_hash = ${secretHash} RETURNING id`,
    forgetKept(accountId, sql`true`),
  ])
  if (!row) throw unauthorizedSecret()
  return apiSecret
}

/** What provisioning keeps for replays is not true any more. */
function forgetKept(accountId: string, when: SQL): SQL {
  return sql`
    DELETE FROM jettythunder_credentials
    WHERE subject = (SELECT agentcache_user_id FROM agentcache_accounts WHERE id = ${accountId}) AND ${when}`
}

function viewOf(row: Row): KeyView {
  return {
    keyId: column.text(row, 'key_hash').slice(0, KEY_ID_CHARS),
    createdAt: column.time(row, 'created_at'),
    expiresAt: column.timeOrNull(row, 'expires_at'),
  }
}
