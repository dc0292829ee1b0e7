import { env } from '../../lib/env.ts'
import { deliverEvents } from '../../lib/events/deliver.ts'
import { route } from '../../lib/http/route.ts'
import { requireSecret } from '../../lib/http/secret.ts'

/**
 * GET /api/cron/deliver: sends events that are due. For any scheduler that holds CRON_SECRET; without one the job after
 * requests does it. SQL 2 for each 100 events, 1 where none is due.
 */
export const GET = route(async (request) => {
  requireSecret(request, env.CRON_SECRET)

  return Response.json(await deliverEvents())
})
