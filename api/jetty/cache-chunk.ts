import { authenticate } from '../../lib/accounts/authenticate.ts'
import { ChunkWord, listOf } from '../../lib/chunks/fields.ts'
import { readChunks } from '../../lib/chunks/read.ts'
import { tellChunks } from '../../lib/chunks/tell.ts'
import { Id } from '../../lib/http/id.ts'
import { parseBody, parseQuery, parseValue } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import * as z from '../../lib/vendor/zod.js'

const Body = z.record(z.string(), z.unknown())
const Key = z.object({ sessionId: z.optional(Id), uploadId: z.optional(Id) }).check(
  z.refine(({ sessionId, uploadId }) => sessionId !== undefined || uploadId !== undefined, {
    error: 'give a sessionId or an uploadId',
  }),
)
const Many = z.object({ chunks: listOf(ChunkWord, { min: 1, max: 1000 }) })

/** POST /api/jetty/cache-chunk: takes down what a client says of one chunk, or of up to 1,000. Redis 2, SQL 1. */
export const POST = route(async (request) => {
  const account = await authenticate(request)
  const body = await parseBody(request, Body)
  const key = parseValue(body, Key)
  const { sessionId = null } = key

  if ('chunks' in body) {
    const { chunks } = parseValue(body, Many)
    const { firstStatus: _, ...counts } = await tellChunks(account.id, key, chunks)
    const message = `${chunks.length} chunks noted`
    return Response.json({ success: true, message, accepted: chunks.length, ...counts })
  }
  const word = parseValue(body, ChunkWord)
  const { firstStatus: status, ...counts } = await tellChunks(account.id, key, [word])
  const chunk = { sessionId, chunkIndex: word.chunkIndex, status }
  return Response.json({ success: true, message: 'Chunk noted', chunk, ...counts })
})

/**
 * GET /api/jetty/cache-chunk: what is known of an upload's chunks. Redis 2, SQL 1; an empty ledger is filled from the store
 * (Redis 1 more, S3 1 per 1,000 parts).
 */
export const GET = route(async (request) => {
  const account = await authenticate(request)
  const key = parseQuery(request, Key)

  return Response.json(await readChunks(account.id, key))
})
