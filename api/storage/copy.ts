import { authenticate } from '../../lib/accounts/authenticate.ts'
import { copyFromFile } from '../../lib/copies/copy-from-file.ts'
import { copyForProof, goOnCopying } from '../../lib/copies/copy-proven.ts'
import { CopyRuns, Proof } from '../../lib/copies/fields.ts'
import { Id } from '../../lib/http/id.ts'
import { parseBody, parseValue } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import { UploadId } from '../../lib/uploads/fields.ts'
import * as z from '../../lib/vendor/zod.js'

const FromFile = z.object({ uploadId: UploadId, fileId: Id, parts: CopyRuns })
const ForProof = z.object({ uploadId: UploadId, proof: Proof })
const Proven = z.object({ uploadId: UploadId, proven: z.literal(true) })

/**
 * POST /api/storage/copy: parts of an open upload, from a file of the account: Redis 2, SQL 1, S3 1 a part; or all of it, for
 * a proof that the caller has the content, from another account's copy: SQL 1 more, S3 1 a range to be read.
 */
export const POST = route(async (request) => {
  const account = await authenticate(request)
  const wanted = await parseBody(request, z.record(z.string(), z.unknown()))

  if ('proof' in wanted)
    return Response.json(await copyForProof(account.id, parseValue(wanted, ForProof)))
  if ('proven' in wanted)
    return Response.json(await goOnCopying(account.id, parseValue(wanted, Proven)))
  return Response.json(await copyFromFile(account.id, parseValue(wanted, FromFile)))
})
