import { checkHealth } from '../lib/health/check.ts'
import { route } from '../lib/http/route.ts'

/** GET /api/health: which services answer. Open to all; asked of the services at most every 10 s. Redis 1, SQL 1, S3 1. */
export const GET = route(async () => {
  const health = await checkHealth()

  const status = health.status === 'down' ? 503 : 200
  return Response.json(health, {
    status,
    headers: { 'cache-control': 'public, max-age=10, s-maxage=10' },
  })
})
