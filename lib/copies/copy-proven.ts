import { compositeOf } from '../content/content-id.ts'
import { layoutOf, partRange } from '../content/layout.ts'
import { type Proof, proveUpload, readProven } from '../possession/prove.ts'
import type { ProvenUpload } from '../possession/statements.ts'
import { Problem } from '../problem.ts'
import { copyObject } from '../storage/copy-object.ts'
import { headObject } from '../storage/objects.ts'
import { type Deadlines, deadlinesFrom } from '../uploads/complete.ts'
import { openAtStore } from '../uploads/open-at-store.ts'
import { partsWithout, rangesOf } from '../uploads/ranges.ts'
import { recordOpened } from '../uploads/record-opened.ts'
import { type CopyResult, copyInto } from './target.ts'

/**
 * Fills an open upload from the copy that another account has of its content, once the caller proved to have it too. SQL 2,
 * S3 as `proveUpload` and, for what the upload lacks, 1 to list and as `copyInto`; 3 for a file of one part.
 *
 * @throws Problem `proof-refused`; `upload-closed` and `store-unavailable` once it is proven
 */
export async function copyForProof(
  accountId: string,
  { uploadId, proof }: { uploadId: string; proof: Proof },
): Promise<CopyResult> {
  const deadlines = deadlinesFrom(Date.now())
  return await fill(await proveUpload(accountId, uploadId, proof), deadlines)
}

/** Goes on where a call had no time left; the upload was proven before. Otherwise as `copyForProof`, with SQL 1. */
export async function goOnCopying(
  accountId: string,
  { uploadId }: { uploadId: string },
): Promise<CopyResult> {
  const deadlines = deadlinesFrom(Date.now())
  return await fill(await readProven(accountId, uploadId), deadlines)
}

async function fill(proven: ProvenUpload, deadlines: Deadlines): Promise<CopyResult> {
  const { upload, partDigests, source } = proven
  const found = await openAtStore(upload, false, partDigests)
  const [opened] = await recordOpened(upload.accountId, [found])
  if (!opened) throw new Problem('upload-closed', 'Aborted meanwhile; start again.')

  const missing = partsWithout(upload.partCount, opened.storedParts)
  if (upload.partCount === 1) return await copyWhole(proven, missing)
  const layout = layoutOf(upload.fileSize)
  const parts = missing.map((partNumber) => {
    return { partNumber, offset: partRange(layout, partNumber).offset }
  })
  const target = { upload: { ...upload, s3UploadId: opened.s3UploadId }, partDigests }
  return await copyInto(target, source, { parts, deadlines })
}

/** A store may copy the bytes and not the digest: such a copy could not be completed. */
async function copyWhole({ upload, source }: ProvenUpload, missing: number[]): Promise<CopyResult> {
  const { id: uploadId, storageKey, fileHash } = upload
  const result = { uploadId, copied: [], refused: [], left: [] }
  if (missing.length === 0) return result
  const isCopied = await copyObject(storageKey, { key: source.storageKey, etag: source.etag })
  const copy = isCopied ? await headObject(storageKey) : null
  const isRight = copy?.sha256 === compositeOf(fileHash)
  return { ...result, [isRight ? 'copied' : 'refused']: rangesOf(missing) }
}
