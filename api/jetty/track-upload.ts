import { authenticate } from '../../lib/accounts/authenticate.ts'
import { ErrorMessage } from '../../lib/chunks/fields.ts'
import { locate } from '../../lib/edges/offer.ts'
import { Id } from '../../lib/http/id.ts'
import { parseBody, parseQuery } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import { ChunkRanges, Count, EdgeIds, Timings } from '../../lib/sessions/fields.ts'
import { followUploads } from '../../lib/sessions/follow.ts'
import { reportSession } from '../../lib/sessions/report.ts'
import { ContentId, FileSize, UploadVia } from '../../lib/uploads/fields.ts'
import * as z from '../../lib/vendor/zod.js'

const client = {
  uploadVia: z.optional(UploadVia),
  threads: z._default(z.int().check(z.minimum(1), z.maximum(1000)), 16),
  edgesUsed: z._default(EdgeIds, []),
}
const done = {
  chunksCompleted: z.optional(Count),
  bytesUploaded: z.optional(Count),
  completed: z.optional(ChunkRanges),
  timings: z.optional(Timings),
}
const session = { sessionId: Id, uploadId: z.optional(Id), ...client, ...done }
const Report = z.discriminatedUnion('action', [
  z
    .object({
      action: z.literal('start'),
      sessionId: z.optional(Id),
      uploadId: z.optional(Id),
      fileHash: z.optional(ContentId),
      fileSize: z.optional(FileSize),
      ...client,
    })
    .check(
      z.refine(
        ({ uploadId, fileHash, fileSize }) =>
          Boolean(uploadId ?? (fileHash && fileSize !== undefined)),
        {
          error: 'give an uploadId, or the fileHash and fileSize of an open upload',
        },
      ),
    ),
  z.object({ action: z.literal('progress'), ...session }),
  z.object({ action: z.literal('complete'), ...session }),
  z.object({ action: z.literal('fail'), ...session, errorMessage: z.optional(ErrorMessage) }),
])
const Show = z.object({
  uploadId: z.optional(Id),
  cursor: z.optional(z.string()),
  limit: z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(100)), 20),
})
const MESSAGES = {
  start: 'Session started',
  progress: 'Progress noted',
  complete: 'Session completed',
  fail: 'Session failed',
}

/** POST /api/jetty/track-upload: begins a session, moves it on, or ends it. Redis 2 (4 with timings), SQL 1. */
export const POST = route(async (request) => {
  const account = await authenticate(request)
  const said = await parseBody(request, Report)

  const answer = await reportSession(account, said, locate(request))
  const { sessionId } = answer.session
  return Response.json({ success: true, message: MESSAGES[said.action], sessionId, ...answer })
})

/** GET /api/jetty/track-upload: the open uploads with their live progress, or one upload. Redis 2, SQL 1. */
export const GET = route(async (request) => {
  const account = await authenticate(request)
  const following = parseQuery(request, Show)

  return Response.json(await followUploads(account.id, following))
})
