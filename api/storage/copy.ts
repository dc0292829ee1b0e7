import { authenticate } from '../../lib/accounts/authenticate.ts'
import { copyFromFile } from '../../lib/copies/copy-from-file.ts'
import { CopyRuns } from '../../lib/copies/fields.ts'
import { Id } from '../../lib/http/id.ts'
import { parseBody } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import { UploadId } from '../../lib/uploads/fields.ts'
import * as z from '../../lib/vendor/zod.js'

const FromFile = z.object({ uploadId: UploadId, fileId: Id, parts: CopyRuns })

/** POST /api/storage/copy: parts of an open upload, from a file of the account. Redis 2, SQL 1, S3 1 a part. */
export const POST = route(async (request) => {
  const account = await authenticate(request)
  const wanted = await parseBody(request, FromFile)

  return Response.json(await copyFromFile(account.id, wanted))
})
