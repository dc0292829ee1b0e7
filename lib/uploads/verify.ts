import { compositeOf } from '../content/content-id.ts'
import { layoutOf, partRange } from '../content/layout.ts'
import { Problem } from '../problem.ts'
import { completeMultipartUpload, listParts, type StoredPart } from '../storage/multipart.ts'
import { headObject, type StoredObject } from '../storage/objects.ts'
import { partDigestOf } from './content.ts'
import { partsWithout, rangesOf } from './ranges.ts'
import type { Upload } from './upload.ts'
import type { UsableStore } from './usable-store.ts'

/** An upload with what its parts must be: SHA-256 digests, and in md5 mode the MD5s given when they were signed. */
export type Declared = { upload: Upload; partDigests: Buffer; partMd5s: Record<string, string> }

/** The finished object. `verified`: the store itself confirmed the content id. */
export type Verified = { etag: string; verified: boolean }

/** A part that is sent again between listing and completing makes the store refuse once; then it is at rest. */
const COMPLETIONS_MAX = 2

/**
 * Finishes an upload at the store, or says why not: first the exact set of parts, every size and every digest from
 * ListParts, then CompleteMultipartUpload, then HEAD. Finds an object that an earlier, interrupted completion made.
 * S3 3 calls (a listing is one per 1,000 parts), 1 for a single PUT.
 *
 * @throws Problem `parts-missing`, `parts-mismatch`
 */
export async function completeAtStore(declared: Declared, store: UsableStore): Promise<Verified> {
  const { upload } = declared
  if (upload.partCount > 1) await completeParts(declared, store)
  return verifyObject(declared, await headObject(upload.storageKey), store)
}

/** Returns also where the store knows no such upload: the object then shows what became of it. */
async function completeParts(declared: Declared, store: UsableStore, attempt = 1): Promise<void> {
  const { storageKey, s3UploadId, checksum } = declared.upload
  if (s3UploadId === null) return
  const parts = await listParts(storageKey, s3UploadId)
  if (parts === null) return

  const exact = exactParts(declared, parts, store)
  const completion = await completeMultipartUpload(storageKey, s3UploadId, exact, checksum)
  if (completion !== 'invalid-part') return
  if (attempt < COMPLETIONS_MAX) return await completeParts(declared, store, attempt + 1)
  throw mismatched(declared.upload, [], 'the store refuses the parts it listed')
}

function exactParts(declared: Declared, stored: StoredPart[], store: UsableStore): StoredPart[] {
  const { upload } = declared
  const parts = stored.filter(({ partNumber }) => partNumber <= upload.partCount)
  const missing = partsWithout(
    upload.partCount,
    parts.map(({ partNumber }) => partNumber),
  )
  if (missing.length > 0) {
    throw new Problem(
      'parts-missing',
      `${missing.length} of ${upload.partCount} parts are not stored.`,
      {
        missingParts: rangesOf(missing),
      },
    )
  }
  const wrong = parts
    .filter((part) => !isExact(declared, part, store))
    .map(({ partNumber }) => partNumber)
  if (wrong.length > 0)
    throw mismatched(upload, wrong, `${wrong.length} parts have another size or digest`)
  return parts
}

function isExact(
  { upload, partDigests, partMd5s }: Declared,
  part: StoredPart,
  store: UsableStore,
): boolean {
  const { length } = partRange(layoutOf(upload.fileSize), part.partNumber)
  if (part.size !== length) return false
  if (upload.checksum === 'sha256')
    return part.sha256 === partDigestOf(partDigests, part.partNumber)
  return isMd5(part.etag, partMd5s[part.partNumber], store)
}

function verifyObject(
  { upload, partMd5s }: Declared,
  object: StoredObject | null,
  store: UsableStore,
): Verified {
  if (object === null) {
    throw new Problem('parts-missing', 'The store has nothing of this upload.', {
      missingParts: [[1, upload.partCount]],
    })
  }
  const { size, etag, sha256 } = object
  if (size !== upload.fileSize)
    throw mismatched(upload, [], `the stored object has ${size} bytes, not ${upload.fileSize}`)
  if (upload.checksum === 'sha256') {
    if (sha256 === compositeOf(upload.fileHash)) return { etag, verified: true }
    throw mismatched(upload, [], 'the stored object has another checksum')
  }
  if (upload.partCount === 1 && !isMd5(etag, partMd5s[1], store)) {
    throw mismatched(upload, [1], 'the stored object has another MD5')
  }
  return { etag, verified: false }
}

/** Where a part's ETag is not its MD5, the signed Content-MD5 is the only check there is. */
function isMd5(etag: string, md5: string | undefined, store: UsableStore): boolean {
  if (md5 === undefined) return false
  return !store.partEtagIsMd5 || etag === Buffer.from(md5, 'base64').toString('hex')
}

function mismatched(upload: Upload, partNumbers: number[], why: string): Problem {
  const mismatchedParts = partNumbers.length > 0 ? rangesOf(partNumbers) : [[1, upload.partCount]]
  return new Problem('parts-mismatch', `Not what was declared: ${why}.`, { mismatchedParts })
}
