import { authenticate } from '../../lib/accounts/authenticate.ts'
import { parseQuery } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import { readStats } from '../../lib/stats/read.ts'
import * as z from '../../lib/vendor/zod.js'

const Query = z.object({ period: z._default(z.enum(['1h', '24h', '7d', '30d']), '24h') })

/** GET /api/jetty/user-stats: what the account did in a period, counted from its own rows. Redis 2, SQL 1. */
export const GET = route(async (request) => {
  const account = await authenticate(request)
  const { period } = parseQuery(request, Query)

  return Response.json(await readStats(account, period))
})
