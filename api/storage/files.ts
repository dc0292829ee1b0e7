import { authenticate } from '../../lib/accounts/authenticate.ts'
import { changeFile, deleteFile } from '../../lib/files/change.ts'
import { listFiles, readFile } from '../../lib/files/list.ts'
import { FilePath } from '../../lib/files/path.ts'
import { Id } from '../../lib/http/id.ts'
import { parseBody, parseQuery } from '../../lib/http/parse.ts'
import { route } from '../../lib/http/route.ts'
import * as z from '../../lib/vendor/zod.js'

const FileId = Id
const Flag = z.enum(['true', 'false'])

const Show = z.object({
  fileId: z.optional(FileId),
  prefix: z._default(z.string().check(z.maxLength(1024), z.regex(/^\P{Cc}*$/u)), ''),
  delimiter: z.optional(z.literal('/')),
  trashed: z._default(Flag, 'false'),
  cursor: z.optional(z.string()),
  limit: z._default(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(1000)), 1000),
})
const Change = z
  .object({ fileId: FileId, path: z.optional(FilePath), trashed: z.optional(z.literal(false)) })
  .check(
    z.refine(({ path, trashed }) => path !== undefined || trashed === false, {
      error: 'give a path to rename to, or trashed: false to restore',
    }),
  )
const Delete = z.object({ fileId: FileId, permanent: z._default(Flag, 'false') })

/** GET /api/storage/files: one file, or a page of them. Redis 1, SQL 1. */
export const GET = route(async (request) => {
  const account = await authenticate(request)
  const { fileId, trashed, ...listing } = parseQuery(request, Show)

  if (fileId !== undefined) return Response.json(await readFile(account.id, fileId))
  return Response.json(await listFiles(account.id, { ...listing, trashed: trashed === 'true' }))
})

/** PATCH /api/storage/files: renames a file, or restores it from the trash. Redis 1, SQL 1. */
export const PATCH = route(async (request) => {
  const account = await authenticate(request)
  const { fileId, path, trashed } = await parseBody(request, Change)

  return Response.json(await changeFile(account.id, fileId, { path, trashed }))
})

/** DELETE /api/storage/files: to the trash, or for good. Redis 1, SQL 1. */
export const DELETE = route(async (request) => {
  const account = await authenticate(request)
  const { fileId, permanent } = parseQuery(request, Delete)

  return Response.json(await deleteFile(account.id, fileId, permanent === 'true'))
})
