import { digestFromBase64, parseContentId } from '../content/content-id.ts'
import { FILE_BYTES_MAX } from '../content/layout.ts'
import { FilePath } from '../files/path.ts'
import { Id } from '../http/id.ts'
import * as z from '../vendor/zod.js'

const MD5 = /^[A-Za-z0-9+/]{22}==$/
const CONTENT_TYPE =
  /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}(; ?[\w-]{1,64}=[\w."+-]{1,64}){0,4}$/

export const FileSize = z.int().check(z.nonnegative(), z.maximum(FILE_BYTES_MAX))
export const ContentId = z.string().check(
  z.refine((text) => parseContentId(text) !== null, {
    error: 'expected sha256:<64 lower-case hex>, with -<N> for N parts',
  }),
)
/** Which program uploads. */
export const UploadVia = z.enum(['desktop', 'web', 'api'])
/** SHA-256 of a part in base64, as in x-amz-checksum-sha256. */
export const PartHash = z.string().check(
  z.refine((text) => digestFromBase64(text) !== null, {
    error: 'expected the SHA-256 of the part in base64',
  }),
)
/** MD5s by part number, in base64 as in Content-MD5. */
const PartMd5s = z.record(
  z.string().check(z.regex(/^([1-9]\d{0,3}|10000)$/)),
  z.string().check(z.regex(MD5, { error: 'expected the MD5 of the part in base64' })),
)

const PartNumber = z.int().check(z.minimum(1), z.maximum(10_000))

export const UploadId = Id

/** Which parts of an upload to sign: some, those whose MD5s are given (md5 mode), or all that the store has not. */
export const PartsWanted = z.object({
  uploadId: UploadId,
  partNumbers: z.optional(z.array(PartNumber).check(z.minLength(1), z.maxLength(10_000))),
  md5s: z.optional(PartMd5s),
})
export type PartsWanted = z.infer<typeof PartsWanted>

/** One file of a start: what it is, and where it goes. */
export const NewFile = z.object({
  path: FilePath,
  fileSize: FileSize,
  fileHash: ContentId,
  partHashes: z.optional(z.array(PartHash).check(z.maxLength(10_000))),
  contentType: z._default(z.string().check(z.regex(CONTENT_TYPE)), 'application/octet-stream'),
  ifNew: z._default(z.boolean(), false),
})
export type NewFile = z.infer<typeof NewFile>
