import { authenticate } from '../../lib/accounts/authenticate.ts'
import { locate } from '../../lib/edges/offer.ts'
import { answerBatch } from '../../lib/http/batch.ts'
import { parseBody, parseEach, parseQuery } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import { abortUpload } from '../../lib/uploads/abort.ts'
import { completeUploads } from '../../lib/uploads/complete.ts'
import { NewFile, PartsWanted, UploadId, UploadVia } from '../../lib/uploads/fields.ts'
import { listUploads, readUpload } from '../../lib/uploads/list.ts'
import { signMore } from '../../lib/uploads/sign-more.ts'
import { startUploads } from '../../lib/uploads/start.ts'
import * as z from '../../lib/vendor/zod.js'

const BATCH = [z.minLength(1), z.maxLength(100)] as const

const Start = z.object({
  files: z.array(z.unknown()).check(...BATCH),
  uploadVia: z._default(UploadVia, 'api'),
})
const Sign = z.object({
  uploads: z.array(PartsWanted).check(
    ...BATCH,
    z.refine((uploads) => new Set(uploads.map((one) => one.uploadId)).size === uploads.length, {
      error: 'each upload at most once',
    }),
  ),
})
const Complete = z.object({ uploads: z.array(z.object({ uploadId: UploadId })).check(...BATCH) })
const Show = z.object({
  uploadId: z.optional(UploadId),
  cursor: z.optional(z.string()),
  limit: z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(1000)), 100),
})
const One = z.object({ uploadId: UploadId })

/** POST /api/storage/upload: starts or resumes 1 to 100 files. Redis 2, SQL 1 to 2, S3 1 per upload of several parts. */
export const POST = route(async (request) => {
  const account = await authenticate(request)
  const { files, uploadVia } = await parseBody(request, Start)

  const wanted = parseEach(files, NewFile)
  return answerBatch(await startUploads(account, wanted, { uploadVia, position: locate(request) }))
})

/** PATCH /api/storage/upload: signs more parts, renews the grant. Redis 2, SQL 1, S3 1 per upload to be listed. */
export const PATCH = route(async (request) => {
  const account = await authenticate(request)
  const { uploads } = await parseBody(request, Sign)

  return answerBatch(await signMore(account, uploads, locate(request)))
})

/** PUT /api/storage/upload: completes 1 to 100 uploads. Redis 1, SQL 2, S3 3 per upload (1 for a file of one part). */
export const PUT = route(async (request) => {
  const account = await authenticate(request)
  const { uploads } = await parseBody(request, Complete)

  const uploadIds = uploads.map(({ uploadId }) => uploadId)
  return answerBatch({ results: await completeUploads(account.id, uploadIds) })
})

/** GET /api/storage/upload: one upload with its stored parts, or the open ones. Redis 1, SQL 1, S3 1 for one upload. */
export const GET = route(async (request) => {
  const account = await authenticate(request)
  const { uploadId, cursor, limit } = parseQuery(request, Show)

  if (uploadId !== undefined) return Response.json(await readUpload(account.id, uploadId))
  return Response.json(await listUploads(account.id, { cursor, limit }))
})

/** DELETE /api/storage/upload: aborts. Redis 1, SQL 2, S3 2 to 4. */
export const DELETE = route(async (request) => {
  const account = await authenticate(request)
  const { uploadId } = parseQuery(request, One)

  const aborted = await abortUpload(account.id, uploadId)
  return Response.json(aborted, { status: aborted.status === 'aborted' ? 200 : 202 })
})
