import { authenticate } from '../../lib/accounts/authenticate.ts'
import { locate } from '../../lib/edges/offer.ts'
import { grantDownload } from '../../lib/files/download.ts'
import { Id } from '../../lib/http/id.ts'
import { parseQuery } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import * as z from '../../lib/vendor/zod.js'

const Query = z.object({ fileId: Id, downloadId: z.optional(Id) })

/** GET /api/storage/download: the way to a file's bytes, by redirect or as JSON. Redis 2, SQL 1. */
export const GET = route(async (request) => {
  const account = await authenticate(request)
  const { fileId, downloadId } = parseQuery(request, Query)

  const download = await grantDownload(account, { fileId, downloadId }, locate(request))
  const wantsJson = request.headers.get('accept')?.includes('application/json')
  if (wantsJson) return Response.json(download)
  return new Response(null, { status: 302, headers: { location: download.url } })
})
