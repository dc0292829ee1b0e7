import { route } from '../../lib/http/route.ts'
import { changeAccount } from '../../lib/provisioning/change.ts'
import { Status, Tier, UserId } from '../../lib/provisioning/fields.ts'
import * as z from '../../lib/vendor/zod.js'
import { receiveWebhook } from '../../lib/webhooks/receive.ts'

const Body = z
  .object({
    agentcache_user_id: UserId,
    tier: z.optional(Tier),
    new_tier: z.optional(Tier),
    status: z.optional(Status),
  })
  .check(
    z.refine(({ tier, new_tier, status }) => (tier ?? new_tier ?? status) !== undefined, {
      error: 'give a tier or a status',
    }),
  )

/** POST /api/agentcache/upgrade: another tier or status, up or down, at once. Signed. SQL 1, Redis 1. */
export const POST = route(async (request) => {
  const { body, receipt } = await receiveWebhook(
    request,
    { from: 'routing side', about: 'upgrade' },
    Body,
  )
  const { agentcache_user_id: userId, tier, new_tier, status } = body

  const account = await changeAccount(userId, { tier: tier ?? new_tier, status }, receipt)
  return Response.json({ success: true, account })
})
