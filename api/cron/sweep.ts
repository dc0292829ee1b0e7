import { env } from '../../lib/env.ts'
import { route } from '../../lib/http/route.ts'
import { requireSecret } from '../../lib/http/secret.ts'
import { sweep } from '../../lib/sweep/sweep.ts'

/**
 * GET /api/cron/sweep: ends what is over and nobody ends. For Vercel's cron, or any scheduler that holds CRON_SECRET. Redis 0,
 * SQL 10 and S3 0 with nothing to do.
 */
export const GET = route(async (request) => {
  requireSecret(request, env.CRON_SECRET)

  return Response.json(await sweep())
})
