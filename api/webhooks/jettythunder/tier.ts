import { route } from '../../../lib/http/route.ts'
import { Tier, UserId } from '../../../lib/provisioning/fields.ts'
import { forwardTier } from '../../../lib/provisioning/forward.ts'
import * as z from '../../../lib/vendor/zod.js'
import { receiveWebhook } from '../../../lib/webhooks/receive.ts'

const Body = z.object({ user_id: UserId, tier: Tier })

/** POST /api/webhooks/jettythunder/tier: a user pays for another tier; within 3 s. Signed. The storage side's call. */
export const POST = route(async (request) => {
  const { body, receipt } = await receiveWebhook(request, { from: 'customer', about: 'tier' }, Body)

  return Response.json(await forwardTier(request, body, receipt))
})
