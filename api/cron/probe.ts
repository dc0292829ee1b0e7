import { probeEdges } from '../../lib/edges/probe.ts'
import { rollUpDays } from '../../lib/edges/roll-up.ts'
import { env } from '../../lib/env.ts'
import { route } from '../../lib/http/route.ts'
import { requireSecret } from '../../lib/http/secret.ts'

/**
 * GET /api/cron/probe: asks every relay how it is, sums days up and prunes. For Vercel's cron, or any scheduler that
 * holds CRON_SECRET. Redis 1, SQL 3 (2 while no relay is registered).
 */
export const GET = route(async (request) => {
  requireSecret(request, env.CRON_SECRET)

  const probed = await probeEdges()
  await rollUpDays()
  return Response.json(probed)
})
