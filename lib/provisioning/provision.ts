import { hashApiKey, newApiKey } from '../accounts/api-key.ts'
import { hashApiSecret, newApiSecret } from '../accounts/api-secret.ts'
import { inOneTrip } from '../db/client.ts'
import { column } from '../db/row.ts'
import { newEventSecret, setEndpointStatement } from '../events/endpoint.ts'
import { Problem } from '../problem.ts'
import { type SQL, sql } from '../vendor/orm.js'
import {
  isUnanswered,
  noteStatement,
  type Receipt,
  receiptStatement,
  requireSameMessage,
} from '../webhooks/receipt.ts'
import { type AccountView, accountStatement, accountViewOf } from './account.ts'
import {
  type Credentials,
  keepStatement,
  keptOf,
  keptStatement,
  requestDigest,
} from './credentials.ts'
import type { Tier } from './fields.ts'

export type Wanted = { userId: string; email: string; tier: Tier; webhookUrl: string | null }

/** `isNew`: this call made the account. `credentials` are null once they are not shown any more. */
export type Provisioned = {
  account: AccountView
  credentials: Credentials | null
  isNew: boolean
}

/**
 * The account of a user, made by the first call that asks for it. However many ask at once, one account is made and all are
 * answered alike; its credentials are shown again for 30 days. SQL 1.
 *
 * @throws Problem `account-conflict` where the account was asked for with another email, tier or address;
 *   `account-deleted`; `webhook-conflict`
 */
export async function provisionAccount(
  wanted: Wanted,
  receipt: Receipt | null,
): Promise<Provisioned> {
  const { userId } = wanted
  const digest = requestDigest([userId, wanted.email, wanted.tier, wanted.webhookUrl])
  // The loser of a race waits for the winner's row; its later statements see what the winner made.
  const [, [made] = [], noted = [], [row] = [], kept = []] = await inOneTrip([
    noteStatement(receipt),
    makeStatement(wanted, digest, isUnanswered(receipt)),
    receiptStatement(receipt),
    accountStatement(sql`a.agentcache_user_id = ${userId}`),
    keptStatement('storage', userId),
  ])
  requireSameMessage(receipt, noted)
  if (!row) throw new Error('an account that was just made is not there')
  if (column.textOrNull(row, 'request_digest') !== digest) {
    const detail = `The account of user ${userId} was asked for with another email, tier or address.`
    throw new Problem('account-conflict', detail)
  }
  const account = accountViewOf(row)
  if (account.status === 'deleted') {
    const detail = `The account of user ${userId} is deleted; its status can be set to active again.`
    throw new Problem('account-deleted', detail)
  }
  return {
    account,
    credentials: keptOf('storage', userId, kept),
    isNew: made !== undefined,
  }
}

function makeStatement(
  { userId, email, tier, webhookUrl }: Wanted,
  digest: string,
  mayAct: SQL,
): SQL {
  const apiKey = newApiKey()
  const apiSecret = newApiSecret()
  const eventSecret = webhookUrl === null ? null : newEventSecret()
  const credentials = { apiKey, apiSecret, eventSecret }
  const account = sql`account`
  return sql`
    WITH account AS (
      INSERT INTO agentcache_accounts (agentcache_user_id, agentcache_email, agentcache_tier, request_digest, secret_hash)
      SELECT ${userId}, ${email}, ${tier}, ${digest}, ${hashApiSecret(apiSecret)} WHERE ${mayAct}
      ON CONFLICT (agentcache_user_id) DO NOTHING
      RETURNING id
    ), key AS (
      INSERT INTO api_keys (key_hash, account_id) SELECT ${hashApiKey(apiKey)}, id FROM account
    ), kept AS (
      ${keepStatement('storage', userId, { digest, credentials, when: account })}
    )${
      webhookUrl === null || eventSecret === null
        ? sql``
        : sql`, told AS (${setEndpointStatement(account, webhookUrl, eventSecret)})`
    }
    SELECT id FROM account`
}
