import { authenticate } from '../../lib/accounts/authenticate.ts'
import { Id } from '../../lib/http/id.ts'
import { parseBody, parseQuery, parseValue } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import { DEFAULT_SHARE, SHARE_MIN } from '../../lib/similar/fields.ts'
import { findSimilar } from '../../lib/similar/find.ts'
import { listGroups } from '../../lib/similar/groups.ts'
import { ContentId, FileSize, Sketch } from '../../lib/uploads/fields.ts'
import * as z from '../../lib/vendor/zod.js'

const Body = z.record(z.string(), z.unknown())
const Bounds = z.object({
  threshold: z._default(z.number().check(z.minimum(SHARE_MIN), z.maximum(1)), DEFAULT_SHARE),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 20),
})
const OfFile = z.object({ fileId: Id })
const OfContent = z.object({ fileSize: FileSize, fileHash: z.optional(ContentId), sketch: Sketch })
const Show = z.object({
  threshold: z._default(z.coerce.number().check(z.minimum(SHARE_MIN), z.maximum(1)), DEFAULT_SHARE),
  cursor: z.optional(z.string()),
  limit: z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(200)), 100),
})

/** POST /api/jetty/similar: the account's files that are like one of them, or like a content. Redis 1, SQL 1. */
export const POST = route(async (request) => {
  const account = await authenticate(request)
  const body = await parseBody(request, Body)

  const asked = 'fileId' in body ? parseValue(body, OfFile) : parseValue(body, OfContent)
  return Response.json(await findSimilar(account.id, asked, parseValue(body, Bounds)))
})

/** GET /api/jetty/similar: likely duplicates in the whole account, a page of contents at a time. Redis 1, SQL 1. */
export const GET = route(async (request) => {
  const account = await authenticate(request)

  return Response.json(await listGroups(account.id, parseQuery(request, Show)))
})
