import { requireEventUrl } from '../../lib/events/resolve.ts'
import { route } from '../../lib/http/route.ts'
import { describeProvisioned } from '../../lib/provisioning/describe.ts'
import { Email, Tier, UserId } from '../../lib/provisioning/fields.ts'
import { provisionAccount } from '../../lib/provisioning/provision.ts'
import * as z from '../../lib/vendor/zod.js'
import { receiveWebhook } from '../../lib/webhooks/receive.ts'

const Body = z.object({
  agentcache_user_id: UserId,
  agentcache_email: Email,
  tier: Tier,
  webhook_url: z.optional(z.nullable(z.url())),
})

/** POST /api/agentcache/provision: the account of a user of the routing side, made once. Signed. SQL 1. */
export const POST = route(async (request) => {
  const { body, receipt } = await receiveWebhook(
    request,
    { from: 'routing side', about: 'provision' },
    Body,
  )
  const { agentcache_user_id: userId, agentcache_email: email, tier, webhook_url = null } = body

  if (webhook_url !== null) await requireEventUrl(webhook_url)
  const provisioned = await provisionAccount(
    { userId, email, tier, webhookUrl: webhook_url },
    receipt,
  )
  return Response.json(describeProvisioned(provisioned, userId), {
    status: provisioned.isNew ? 201 : 200,
  })
})
