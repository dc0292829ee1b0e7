import { env } from '../../lib/env.ts'
import { route } from '../../lib/http/route.ts'
import { requireSecret } from '../../lib/http/secret.ts'
import { sweepUploads } from '../../lib/uploads/sweep.ts'

/**
 * GET /api/cron/sweep: ends uploads that nobody ends. For Vercel's cron, or any scheduler that holds CRON_SECRET. Redis 0,
 * SQL 3 with nothing to do, else 1 more to expire, 2 for each account with completions, 1 for each that gets quota back.
 */
export const GET = route(async (request) => {
  requireSecret(request, env.CRON_SECRET)

  return Response.json(await sweepUploads())
})
