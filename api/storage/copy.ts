import { authenticate } from '../../lib/accounts/authenticate.ts'
import { copyProven } from '../../lib/copies/copy-proven.ts'
import { parseBody } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import { proveUpload, readProven } from '../../lib/possession/prove.ts'
import { deadlinesFrom } from '../../lib/uploads/complete.ts'
import { UploadId } from '../../lib/uploads/fields.ts'
import { rangesOf } from '../../lib/uploads/ranges.ts'
import * as z from '../../lib/vendor/zod.js'

const Proof = z.object({
  token: z.string().check(z.maxLength(1000)),
  answer: z.string().check(z.regex(/^[A-Za-z0-9+/]{43}=$/)),
})
const Copy = z.union([
  z.object({ uploadId: UploadId, proof: Proof }),
  z.object({ uploadId: UploadId, proven: z.literal(true) }),
])

/** POST /api/storage/copy: fills an upload from a copy that another account has, for a proof. */
export const POST = route(async (request) => {
  const deadlines = deadlinesFrom(Date.now())
  const account = await authenticate(request)
  const asked = await parseBody(request, Copy)

  const { uploadId } = asked
  const proven =
    'proof' in asked
      ? await proveUpload(account.id, uploadId, asked.proof)
      : await readProven(account.id, uploadId)
  const { copied, refused, left } = await copyProven(proven, deadlines)
  return Response.json({
    uploadId,
    copied: rangesOf(copied),
    refused: rangesOf(refused),
    left: rangesOf(left),
  })
})
