import { authenticateRelay } from '../../lib/edges/authenticate-relay.ts'
import { recordHeartbeat } from '../../lib/edges/heartbeats.ts'
import { parseValue } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import * as z from '../../lib/vendor/zod.js'

/** The ranking forgets a relay's load after 3 minutes. */
const HEARTBEAT_AFTER_SECONDS = 60

const Heartbeat = z.object({
  id: z.string(),
  loadPercent: z.number().check(z.minimum(0), z.maximum(100)),
  activeUploads: z.int().check(z.minimum(0), z.maximum(1_000_000)),
  throughputMbps: z.number().check(z.minimum(0), z.maximum(1_000_000)),
  version: z.string().check(z.maxLength(64), z.regex(/^[\x20-\x7e]*$/)),
})

/** POST /api/edges/heartbeat: a relay's word about itself, signed with its own key. Redis 1, SQL 0 to 1. */
export const POST = route(async (request) => {
  const { said, saidAt } = await authenticateRelay(request)
  const { id, ...heartbeat } = parseValue(said, Heartbeat)

  await recordHeartbeat(id, { ...heartbeat, at: saidAt })
  return Response.json({ heartbeatAfterSeconds: HEARTBEAT_AFTER_SECONDS })
})
