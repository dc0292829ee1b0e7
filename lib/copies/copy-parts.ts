import { mapConcurrently, orLeave } from '../concurrency.ts'
import { layoutOf, partRange } from '../content/layout.ts'
import { COPY_SOURCE_BYTES_MIN } from '../content/plan-delta.ts'
import { log } from '../log.ts'
import { Problem } from '../problem.ts'
import { copyPart } from '../storage/copy-part.ts'
import { listParts } from '../storage/multipart.ts'
import type { Deadlines } from '../uploads/complete.ts'
import { partDigestOf } from '../uploads/content.ts'
import type { Upload } from '../uploads/upload.ts'

/** A copy costs the function no bytes and no CPU: so many wait at once. */
const COPIES_AT_ONCE = 32

/** An open upload of several parts, and the SHA-256 of each (raw, concatenated). */
export type CopyTarget = { upload: Upload; s3UploadId: string; partDigests: Buffer }

/** The stored object to copy from; `etag` without quotes. */
export type CopySource = { storageKey: string; etag: string; fileSize: number }

/** A part and the byte of the source that it is said to begin at. */
export type PartCopy = { partNumber: number; offset: number }

/** Part numbers, in the order asked: stored now; to be uploaded; not reached in time. */
export type Copies = { copied: number[]; refused: number[]; left: number[] }

/** `untold`: the store copied, and did not say what. A problem is an outage. */
type Outcome = 'copied' | 'refused' | 'left' | 'untold' | Problem
type Copying = { target: CopyTarget; source: CopySource; deadlines: Deadlines }

/**
 * Copies ranges of one stored object into parts of an upload, inside the store. Nothing is believed: a part counts as
 * copied when the store's digest of the copy is the one that the upload declares. Another digest, a range that the
 * source does not have, and whatever the store refuses (source gone or changed, say) are `refused`; what is not begun
 * or not answered in time, and what an outage kept, is `left`, and may be copied nevertheless.
 *
 * Round trips: S3 1 a part, 32 at once; and a listing (1 per 1,000 parts) where a copy's answer has no digest.
 *
 * @throws Problem `store-unavailable` where that kept every part
 */
export async function copyParts(
  target: CopyTarget,
  source: CopySource,
  { parts, deadlines }: { parts: readonly PartCopy[]; deadlines: Deadlines },
): Promise<Copies> {
  const copying = { target, source, deadlines }
  const answered = await mapConcurrently(parts, COPIES_AT_ONCE, (part) => copyOne(copying, part))
  const outcomes = await toldBy(target, parts, answered)
  const outage = outcomes.find((outcome) => outcome instanceof Problem)
  if (outage && outcomes.every((outcome) => outcome instanceof Problem)) throw outage

  const of = (isWanted: (outcome: Outcome | undefined) => boolean) =>
    parts.filter((_, index) => isWanted(outcomes[index])).map(({ partNumber }) => partNumber)
  return {
    copied: of((outcome) => outcome === 'copied'),
    refused: of((outcome) => outcome === 'refused'),
    left: of((outcome) => outcome !== 'copied' && outcome !== 'refused'),
  }
}

async function copyOne(copying: Copying, part: PartCopy): Promise<Outcome> {
  const { target, source, deadlines } = copying
  const { partNumber, offset } = part
  if (Date.now() > deadlines.beginBefore) return 'left'
  const { length } = partRange(layoutOf(target.upload.fileSize), partNumber)
  if (!hasRange(source, offset, length)) return 'refused'

  const place = { key: target.upload.storageKey, s3UploadId: target.s3UploadId, partNumber }
  const range = { key: source.storageKey, etag: source.etag, offset, length }
  try {
    const copied = await orLeave(copyPart(place, range), deadlines.answerBefore - Date.now())
    if (copied === null) return 'left'
    if (!('refusal' in copied)) return judged(target, partNumber, copied.sha256)
    log('warn', 'the store refuses a copy', { uploadId: target.upload.id, partNumber, ...copied })
    return 'refused'
  } catch (error) {
    // One part's outage is its own: the others may be copied.
    if (error instanceof Problem) return error
    throw error
  }
}

/** S3 copies ranges only of objects above 5 MiB. */
function hasRange({ fileSize }: CopySource, offset: number, length: number): boolean {
  return fileSize > COPY_SOURCE_BYTES_MIN && offset >= 0 && offset + length <= fileSize
}

function judged(target: CopyTarget, partNumber: number, sha256: string | null): Outcome {
  if (sha256 === null) return 'untold'
  return sha256 === partDigestOf(target.partDigests, partNumber) ? 'copied' : 'refused'
}

/** Asks the store's listing about the parts whose copies did not say their digest; what that does not say is refused. */
async function toldBy(
  target: CopyTarget,
  parts: readonly PartCopy[],
  outcomes: Outcome[],
): Promise<Outcome[]> {
  if (!outcomes.includes('untold')) return outcomes
  const listed = (await listParts(target.upload.storageKey, target.s3UploadId)) ?? []
  const digests = new Map(listed.map(({ partNumber, sha256 }) => [partNumber, sha256]))
  return outcomes.map((outcome, index) => {
    const partNumber = parts[index]?.partNumber ?? 0
    if (outcome !== 'untold') return outcome
    const said = judged(target, partNumber, digests.get(partNumber) ?? null)
    return said === 'untold' ? 'refused' : said
  })
}
