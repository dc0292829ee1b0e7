import { randomUUID } from 'node:crypto'
import { inOneTrip, query } from '../db/client.ts'
import * as z from '../vendor/zod.js'
import type { Receipt } from '../webhooks/receipt.ts'
import { noteStatement, receiptStatement, requireSameMessage } from '../webhooks/receipt.ts'
import { askStorageSide } from './ask-storage-side.ts'
import { keepStatement, requestDigest } from './credentials.ts'
import { NOT_SHOWN } from './describe.ts'

const Provisioned = z.object({
  cached: z.boolean(),
  account: z.object({
    api_key: z.nullable(z.string()),
    api_secret: z.nullable(z.string()),
    storage_quota_gb: z.number(),
    jetty_speed_enabled: z.boolean(),
    s3_bucket: z.string(),
    s3_prefix: z.string(),
    created_at: z.string(),
  }),
})
const Changed = z.object({
  account: z.object({
    id: z.string(),
    tier: z.string(),
    storage_quota_gb: z.number(),
    bandwidth_quota_gb: z.number(),
    jetty_speed_enabled: z.boolean(),
  }),
})

export type ProvisionAsk = { user_id: string; email: string; tier: string }

/**
 * Has the storage side make a user's account, and keeps its credentials, sealed, on this side too. What is answered is always
 * what the storage side says now. SQL 1 or 2, and the storage side's call.
 *
 * @throws Problem what the storage side refused with; `storage-side-unavailable`; `webhook-conflict`
 */
export async function forwardProvision(
  request: Request,
  { user_id, email, tier }: ProvisionAsk,
  receipt: Receipt | null,
) {
  const begun = performance.now()
  await requireFirstUse(receipt)
  const webhookId = forwardedId(receipt)
  const body = { agentcache_user_id: user_id, agentcache_email: email, tier }
  const message = { path: '/api/agentcache/provision', webhookId, body, begun }
  const { cached, account } = await askStorageSide(request, message, Provisioned)
  const { api_key, api_secret, storage_quota_gb, jetty_speed_enabled, s3_bucket, s3_prefix } =
    account
  const isShown = api_key !== null && api_secret !== null
  if (isShown) {
    const credentials = { apiKey: api_key, apiSecret: api_secret, eventSecret: null }
    const digest = requestDigest([user_id, email, tier])
    await query(keepStatement('agentcache', user_id, { digest, credentials }))
  }
  const ready = cached ? 'The account was provisioned before.' : 'The account is provisioned.'
  return {
    success: true,
    message: isShown ? ready : NOT_SHOWN,
    cached,
    credentials: {
      api_key: isShown ? api_key : null,
      api_secret: isShown ? api_secret : null,
      storage_quota_gb,
      jetty_speed_enabled,
      s3_bucket,
      s3_prefix,
      provisioned_at: account.created_at,
    },
  }
}

/**
 * Has the storage side change a user's tier. A repeated message reaches it under the same id and is answered as before.
 *
 * @throws Problem what the storage side refused with; `storage-side-unavailable`; `webhook-conflict`
 */
export async function forwardTier(
  request: Request,
  { user_id, tier }: { user_id: string; tier: string },
  receipt: Receipt | null,
) {
  const begun = performance.now()
  await requireFirstUse(receipt)
  const webhookId = forwardedId(receipt)
  const body = { agentcache_user_id: user_id, tier }
  const message = { path: '/api/agentcache/upgrade', webhookId, body, begun }
  return { success: true, ...(await askStorageSide(request, message, Changed)) }
}

async function requireFirstUse(receipt: Receipt | null): Promise<void> {
  if (receipt === null) return
  const [, noted = []] = await inOneTrip([noteStatement(receipt), receiptStatement(receipt)])
  requireSameMessage(receipt, noted)
}

/** The storage side knows a message by the id it had here, so that a repetition is a repetition there. */
function forwardedId(receipt: Receipt | null): string {
  return receipt?.webhookId ?? `msg_${randomUUID()}`
}
