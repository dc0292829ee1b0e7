import { authenticate } from '../../lib/accounts/authenticate.ts'
import { locate } from '../../lib/edges/offer.ts'
import { parseBody } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import { adviseUpload } from '../../lib/strategy/advise-upload.ts'
import { ContentId, FileSize } from '../../lib/uploads/fields.ts'
import * as z from '../../lib/vendor/zod.js'

const MEASUREMENTS_MAX = 50
/** A round trip beyond a minute is no measurement. */
const ROUND_TRIP_MS_MAX = 60_000

const Coordinates = z.object({
  lat: z.number().check(z.minimum(-90), z.maximum(90)),
  lng: z.number().check(z.minimum(-180), z.maximum(180)),
})
/** Counted before its members are judged: a body has room for a hundred thousand. */
const Measurements = z.pipe(
  z.record(z.string(), z.unknown()).check(
    z.refine((byId) => Object.keys(byId).length <= MEASUREMENTS_MAX, {
      error: `at most ${MEASUREMENTS_MAX} paths`,
    }),
  ),
  z.record(z.string(), z.nullable(z.number().check(z.minimum(0), z.maximum(ROUND_TRIP_MS_MAX)))),
)
const Body = z.object({
  fileSize: FileSize,
  fileHash: z.optional(ContentId),
  userLocation: z.optional(Coordinates),
  priority: z._default(z.enum(['speed', 'cost', 'balanced']), 'balanced'),
  measurements: z._default(Measurements, {}),
})

/**
 * POST /api/jetty/optimal-edges: the paths to send a file over, best first, how to send it, and the copy the account may
 * have already. Changes nothing. Redis 2, SQL 1; the second Redis and the SQL at the same time.
 */
export const POST = route(async (request) => {
  const account = await authenticate(request)
  const { fileSize, fileHash, userLocation, priority, measurements } = await parseBody(
    request,
    Body,
  )

  const advice = await adviseUpload(account, {
    fileSize,
    fileHash: fileHash ?? null,
    position: userLocation ?? locate(request),
    priority,
    measurements: new Map(Object.entries(measurements)),
  })
  return Response.json({ ...advice, serverTime: new Date().toISOString() })
})
