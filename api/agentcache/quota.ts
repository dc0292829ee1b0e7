import { authenticate } from '../../lib/accounts/authenticate.ts'
import { route } from '../../lib/http/route.ts'
import { viewQuota } from '../../lib/quota/view.ts'

/** GET /api/agentcache/quota: storage and bandwidth, used and allowed. Redis 1, SQL 1. */
export const GET = route(async (request) => {
  const account = await authenticate(request)

  return Response.json(await viewQuota(account.id))
})
