import { forgetApiKeys } from '../accounts/authenticate.ts'
import { inOneTrip, type Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { emitStatement } from '../events/emit.ts'
import { warnStatement } from '../events/warn-quota.ts'
import { Problem } from '../problem.ts'
import { type SQL, sql } from '../vendor/orm.js'
import {
  answerStatement,
  isUnanswered,
  noteStatement,
  type Receipt,
  receiptStatement,
  requireSameMessage,
} from '../webhooks/receipt.ts'
import { type AccountView, accountStatement, accountViewOf } from './account.ts'
import type { Status, Tier } from './fields.ts'

/** An account that was emptied and is given back: no address is what the sweep knows an emptied one by. */
const EMAIL_FORGOTTEN = 'forgotten'

export type Change = { tier?: Tier | undefined; status?: Status | undefined }

/**
 * Gives an account another tier or status, at once and everywhere: limits are read where they count, and what is cached of
 * its keys is forgotten. Files stay, also above a smaller quota. A message that acted before is answered as then. SQL 1, Redis 1.
 *
 * @throws Problem `not-found`; `webhook-conflict`
 */
export async function changeAccount(
  userId: string,
  change: Change,
  receipt: Receipt | null,
): Promise<AccountView> {
  const [, , , , noted = [], [row] = []] = await inOneTrip([
    sql`SELECT FROM agentcache_accounts WHERE agentcache_user_id = ${userId} FOR UPDATE`,
    noteStatement(receipt),
    changeStatement(userId, change, receipt),
    answerStatement(receipt, changedFigures(userId)),
    receiptStatement(receipt),
    withKeysStatement(userId),
    warnStatement(sql`a.agentcache_user_id = ${userId}`),
  ])
  requireSameMessage(receipt, noted)
  if (!row) throw new Problem('not-found', `User ${userId} has no account.`)
  await forgetApiKeys(keyHashesOf(row))
  return { ...accountViewOf(row), ...answeredBefore(noted) }
}

function changeStatement(userId: string, { tier, status }: Change, receipt: Receipt | null): SQL {
  return sql`
    WITH old AS (
      SELECT id, agentcache_tier AS tier, status FROM agentcache_accounts
      WHERE agentcache_user_id = ${userId} AND ${isUnanswered(receipt)}
    ), changed AS (
      UPDATE agentcache_accounts a
      SET agentcache_tier = coalesce(${tier ?? null}, a.agentcache_tier), status = coalesce(${status ?? null}, a.status),
        status_changed_at = CASE WHEN coalesce(${status ?? null}, a.status) = a.status THEN a.status_changed_at ELSE now() END,
        agentcache_email = CASE WHEN a.agentcache_email = '' AND coalesce(${status ?? null}, a.status) = 'active' THEN ${EMAIL_FORGOTTEN}
          ELSE a.agentcache_email END,
        updated_at = now()
      FROM old WHERE a.id = old.id
      RETURNING a.id, a.agentcache_tier AS tier, old.tier AS old_tier
    )
    ${emitStatement(
      'account.tier_changed',
      sql`SELECT id AS account_id, jsonb_build_object('tier', tier, 'previousTier', old_tier) AS data
        FROM changed WHERE tier <> old_tier`,
    )}`
}

/** What a later repetition is answered with, whatever the account became meanwhile. */
function changedFigures(userId: string): SQL {
  return sql`(
    SELECT jsonb_build_object('tier', a.agentcache_tier, 'status', a.status,
      'storage_quota_gb', t.storage_quota_bytes / 1073741824.0, 'bandwidth_quota_gb', t.bandwidth_quota_bytes / 1073741824.0,
      'jetty_speed_enabled', t.jetty_speed_enabled)
    FROM agentcache_accounts a JOIN tier_configs t ON t.tier = a.agentcache_tier WHERE a.agentcache_user_id = ${userId})`
}

function withKeysStatement(userId: string): SQL {
  return sql`
    SELECT account.*, (SELECT string_agg(key_hash, ' ') FROM api_keys k WHERE k.account_id = account.id) AS key_hashes
    FROM (${accountStatement(sql`a.agentcache_user_id = ${userId}`)}) account`
}

function keyHashesOf(row: Row): string[] {
  return column.textOrNull(row, 'key_hashes')?.split(' ') ?? []
}

function answeredBefore([row]: Row[]): Record<string, unknown> {
  const answer = row?.answer
  return typeof answer === 'object' && answer !== null ? { ...answer } : {}
}
