import { route } from '../../../lib/http/route.ts'
import { Email, Tier, UserId } from '../../../lib/provisioning/fields.ts'
import { forwardProvision } from '../../../lib/provisioning/forward.ts'
import * as z from '../../../lib/vendor/zod.js'
import { receiveWebhook } from '../../../lib/webhooks/receive.ts'

const Body = z.object({ user_id: UserId, email: Email, tier: Tier })

/**
 * POST /api/webhooks/jettythunder/provision: a user's account at the storage side, with its credentials; within 3 s.
 * Signed. SQL 1, and the storage side's call, again while there is time.
 */
export const POST = route(async (request) => {
  const { body, receipt } = await receiveWebhook(
    request,
    { from: 'customer', about: 'provision' },
    Body,
  )

  return Response.json(await forwardProvision(request, body, receipt))
})
