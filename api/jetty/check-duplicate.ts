import { authenticate } from '../../lib/accounts/authenticate.ts'
import { checkDuplicates } from '../../lib/duplicates/check.ts'
import { FilePath } from '../../lib/files/path.ts'
import { answerBatch } from '../../lib/http/batch.ts'
import { parseBody, parseEach, parseValue } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import { Problem } from '../../lib/problem.ts'
import { ContentId, FileSize } from '../../lib/uploads/fields.ts'
import * as z from '../../lib/vendor/zod.js'

const Body = z.record(z.string(), z.unknown())
const Many = z.object({ files: z.array(z.unknown()).check(z.minLength(1), z.maxLength(1000)) })
const One = z.object({
  fileHash: ContentId,
  fileSize: FileSize,
  fileName: z.optional(z.string().check(z.maxLength(1024))),
  path: z.optional(FilePath),
  ifNew: z._default(z.boolean(), false),
})

/** POST /api/jetty/check-duplicate: whether the account stores a content, or each of 1 to 1,000. Redis 1, SQL 1. */
export const POST = route(async (request) => {
  const account = await authenticate(request)
  const body = await parseBody(request, Body)

  if ('files' in body) {
    const checks = await checkDuplicates(account, parseEach(parseValue(body, Many).files, One))
    return answerBatch({ results: checks.map(orDocument) })
  }
  const [check] = await checkDuplicates(account, [parseValue(body, One)])
  if (check instanceof Problem) throw check
  return Response.json(check)
})

function orDocument(check: object): object {
  return check instanceof Problem ? { problem: check.document() } : check
}
