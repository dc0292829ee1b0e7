import * as z from '../vendor/zod.js'

/** What a store was seen to do; each by a request made for it, none by the store's name. */
export const Capabilities = z.object({
  /** What the store verifies of the bytes it receives: signed SHA-256 headers, Content-MD5, or nothing. */
  checksum: z.enum(['sha256', 'md5', 'none']),
  partEtagIsMd5: z.boolean(),
  /** Parts copied from a range of another object carry their SHA-256. */
  copyDigest: z.boolean(),
  /** If-None-Match on CompleteMultipartUpload is obeyed. */
  conditionalComplete: z.boolean(),
  /** Browsers may PUT with the headers that part URLs are signed for, and read the ETag. */
  cors: z.boolean(),
  /** What an unsigned x-amz-copy-source does to a presigned PUT; `guarded`: honoured, but the guard header prevents it. */
  unsignedCopySource: z.enum(['refused', 'ignored', 'guarded', 'honoured']),
  /** RFC 3339. */
  probedAt: z.string(),
})

export type Capabilities = z.infer<typeof Capabilities>
