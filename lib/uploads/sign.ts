import { layoutOf, partRange } from '../content/layout.ts'
import type { Capabilities } from '../storage/capability.ts'
import { partLifetimeSeconds, type SignedParts, signParts } from '../storage/sign-parts.ts'
import { partDigestOf } from './content.ts'
import type { Upload } from './upload.ts'

/** Bytes of signatures in one answer; Vercel cuts answers at 4.5 MB. */
const ANSWER_BYTES_MAX = 4_000_000
const TEMPLATE_BYTES = 800
const SIGNATURE_BYTES = 76

/** Keeps the signatures of one answer below the platform's limit; what does not fit is asked of PATCH. */
export type AnswerBudget = { bytesLeft: number }

export function newAnswerBudget(): AnswerBudget {
  return { bytesLeft: ANSWER_BYTES_MAX }
}

/** What is to be signed: parts of an upload, by the digests that the mode wants, in base64 by part number. */
export type PartsToSign = {
  upload: Upload
  s3UploadId: string | null
  digests: Map<number, string>
}

/** Signs parts for as long as sending them may take, or null where there are none or the answer has no room. */
export function signWithin(
  budget: AnswerBudget,
  { upload, s3UploadId, digests }: PartsToSign,
  capabilities: Capabilities,
): SignedParts | null {
  const bytes = TEMPLATE_BYTES + digests.size * SIGNATURE_BYTES
  if (digests.size === 0 || bytes > budget.bytesLeft) return null

  budget.bytesLeft -= bytes
  const guarded = capabilities.unsignedCopySource === 'guarded'
  const { storageKey: key, fileSize, checksum } = upload
  const parts = [...digests].map(([partNumber, digest]) => ({ partNumber, digest }))
  const lifetime = partLifetimeSeconds(bytesOf(upload, [...digests.keys()]))
  return signParts({ key, s3UploadId, fileSize, checksum, guarded }, parts, lifetime)
}

/** The SHA-256 digests of some parts, as `signWithin` takes them. */
export function digestsOf(
  partDigests: Buffer,
  partNumbers: readonly number[],
): Map<number, string> {
  return new Map(
    partNumbers.map((partNumber) => [partNumber, partDigestOf(partDigests, partNumber)]),
  )
}

/** How many bytes some parts of an upload have. */
export function bytesOf(upload: Upload, partNumbers: readonly number[]): number {
  const layout = layoutOf(upload.fileSize)
  return partNumbers.reduce((sum, partNumber) => sum + partRange(layout, partNumber).length, 0)
}
