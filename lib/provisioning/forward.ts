import { randomUUID } from 'node:crypto'
import { inOneTrip } from '../db/client.ts'
import * as z from '../vendor/zod.js'
import type { Receipt } from '../webhooks/receipt.ts'
import { noteStatement, receiptStatement, requireSameMessage } from '../webhooks/receipt.ts'
import { askStorageSide } from './ask-storage-side.ts'
import { keepStatement, keptOf, keptStatement, requestDigest } from './credentials.ts'
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
 * Has the storage side make a user's account, and keeps its credentials, sealed, on this side too. Tier and quota are always
 * those that the storage side names now. SQL 1 or 2, and the storage side's call.
 *
 * @throws Problem what the storage side refused with; `storage-side-unavailable`; `webhook-conflict`
 */
export async function forwardProvision(
  request: Request,
  { user_id, email, tier }: ProvisionAsk,
  receipt: Receipt | null,
) {
  await requireFirstUse(receipt)
  const { answer } = await askStorageSide(request, {
    path: '/api/agentcache/provision',
    webhookId: forwardedId(receipt),
    body: { agentcache_user_id: user_id, agentcache_email: email, tier },
  })
  const { cached, account } = z.parse(Provisioned, answer)
  const { api_key, api_secret, storage_quota_gb, jetty_speed_enabled, s3_bucket, s3_prefix } =
    account
  const shown = api_key !== null && api_secret !== null
  const credentials = shown ? { apiKey: api_key, apiSecret: api_secret, eventSecret: null } : null
  const digest = requestDigest([user_id, email, tier])
  const kept = await keepOrRead(user_id, credentials && { digest, credentials })
  const ready = cached ? 'The account was provisioned before.' : 'The account is provisioned.'
  return {
    success: true,
    message: kept ? ready : NOT_SHOWN,
    cached,
    credentials: {
      api_key: kept?.apiKey ?? null,
      api_secret: kept?.apiSecret ?? null,
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
  await requireFirstUse(receipt)
  const { answer } = await askStorageSide(request, {
    path: '/api/agentcache/upgrade',
    webhookId: forwardedId(receipt),
    body: { agentcache_user_id: user_id, tier },
  })
  return { success: true, ...z.parse(Changed, answer) }
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

async function keepOrRead(
  userId: string,
  shown: Parameters<typeof keepStatement>[2] | null,
): Promise<ReturnType<typeof keptOf>> {
  if (shown === null) return null
  const [, rows = []] = await inOneTrip([
    keepStatement('agentcache', userId, shown),
    keptStatement('agentcache', userId),
  ])
  return keptOf('agentcache', userId, rows) ?? shown.credentials
}
