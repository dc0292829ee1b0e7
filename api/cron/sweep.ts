import { env } from '../../lib/env.ts'
import { route } from '../../lib/http/route.ts'
import { requireSecret } from '../../lib/http/secret.ts'
import { sweepUploads } from '../../lib/uploads/sweep.ts'

/** GET /api/cron/sweep: ends uploads that nobody ends. For Vercel's cron, or any scheduler that holds CRON_SECRET. */
export const GET = route(async (request) => {
  requireSecret(request, env.CRON_SECRET)

  return Response.json(await sweepUploads())
})
