import { digestFromBase64, parseContentId } from '../content/content-id.ts'
import { FILE_BYTES_MAX, PARTS_MAX } from '../content/layout.ts'
import { BINS } from '../content/sketch.ts'
import { FilePath } from '../files/path.ts'
import { Id } from '../http/id.ts'
import * as z from '../vendor/zod.js'

const PART_NUMBER = /^([1-9]\d{0,3}|10000)$/
const MD5 = /^[A-Za-z0-9+/]{22}==$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
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

/*
 * Lists with a member for each part are judged as a whole: a refusal for each of a million members, as a hostile body
 * may have, would keep a function busy for seconds.
 */

/** SHA-256 of each part in base64, as in x-amz-checksum-sha256. */
const PartHashes = z.pipe(
  z.array(z.unknown()).check(
    z.maxLength(PARTS_MAX),
    z.refine((list) => list.every(isPartHash), {
      error: 'expected the SHA-256 of each part in base64',
    }),
  ),
  z.transform((list: unknown[]) => list.filter(isPartHash)),
)
/** MD5s by part number, in base64 as in Content-MD5. */
const PartMd5s = z.pipe(
  z.record(z.string(), z.unknown()).check(
    z.refine((md5s) => Object.entries(md5s).every(isPartMd5), {
      error: 'expected MD5s in base64, by the number of the part',
    }),
  ),
  z.transform((md5s: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(md5s).filter(isPartMd5)),
  ),
)
const PartNumbers = z.pipe(
  z.array(z.unknown()).check(
    z.minLength(1),
    z.maxLength(PARTS_MAX),
    z.refine((list) => list.every(isPartNumber), {
      error: `expected part numbers, 1 to ${PARTS_MAX}`,
    }),
  ),
  z.transform((list: unknown[]) => list.filter(isPartNumber)),
)

export const UploadId = Id

/** Which parts of an upload to sign: some, those whose MD5s are given (md5 mode), or all that the store has not. */
export const PartsWanted = z.object({
  uploadId: UploadId,
  partNumbers: z.optional(PartNumbers),
  md5s: z.optional(PartMd5s),
})
export type PartsWanted = z.infer<typeof PartsWanted>

/** The chunk manifest that goes up beside a file: exactly how long, and its SHA-256 in base64. */
const Manifest = z.object({
  bytes: z.int().check(z.positive()),
  sha256: z.string().check(z.refine(isPartHash, { error: 'expected a SHA-256 in base64' })),
})
export type Manifest = z.infer<typeof Manifest>

/** What files are compared by (lib/content/sketch.ts): one byte a bin, in base64. */
export const Sketch = z.object({
  distinctBytes: FileSize,
  bins: z.string().check(
    z.refine((text) => BASE64.test(text) && Buffer.from(text, 'base64').length === BINS, {
      error: `expected ${BINS} bytes in base64`,
    }),
  ),
})

/** One file of a start: what it is, and where it goes. */
export const NewFile = z.object({
  path: FilePath,
  fileSize: FileSize,
  fileHash: ContentId,
  partHashes: z.optional(PartHashes),
  contentType: z._default(z.string().check(z.regex(CONTENT_TYPE)), 'application/octet-stream'),
  ifNew: z._default(z.boolean(), false),
  manifest: z.optional(Manifest),
  sketch: z.optional(Sketch),
  /** From which file unchanged parts are taken, if not from the one that the server would choose. */
  baseFileId: z.optional(Id),
})
export type NewFile = z.infer<typeof NewFile>

function isPartHash(value: unknown): value is string {
  return typeof value === 'string' && digestFromBase64(value) !== null
}

function isPartMd5(entry: [string, unknown]): entry is [string, string] {
  const [partNumber, md5] = entry
  return PART_NUMBER.test(partNumber) && typeof md5 === 'string' && MD5.test(md5)
}

function isPartNumber(value: unknown): value is number {
  return typeof value === 'number' && PART_NUMBER.test(String(value))
}
