import { compositeOf } from '../content/content-id.ts'
import { layoutOf, partRange } from '../content/layout.ts'
import type { ProvenUpload } from '../possession/statements.ts'
import { Problem } from '../problem.ts'
import { copyObject } from '../storage/copy-object.ts'
import { headObject } from '../storage/objects.ts'
import type { Deadlines } from '../uploads/complete.ts'
import { openAtStore } from '../uploads/open-at-store.ts'
import { partsWithout } from '../uploads/ranges.ts'
import { recordOpened } from '../uploads/record-opened.ts'
import { type Copies, copyParts } from './copy-parts.ts'

/**
 * Copies what an upload lacks from the copy of its content that it was proven against, inside the store: the parts, or
 * the object of a file of one part. The store's digest of each decides. S3 1 to list, and as `copyParts`; 3 for one part.
 *
 * @throws Problem `upload-closed`
 */
export async function copyProven(proven: ProvenUpload, deadlines: Deadlines): Promise<Copies> {
  const { upload, partDigests, source } = proven
  const found = await openAtStore(upload, false, partDigests)
  const [opened] = await recordOpened(upload.accountId, [found])
  if (!opened) throw new Problem('upload-closed', 'Aborted meanwhile; start again.')

  const missing = partsWithout(upload.partCount, opened.storedParts)
  if (opened.s3UploadId === null) return await copyWhole(proven, missing)
  const layout = layoutOf(upload.fileSize)
  const parts = missing.map((partNumber) => {
    return { partNumber, offset: partRange(layout, partNumber).offset }
  })
  const target = { upload, s3UploadId: opened.s3UploadId, partDigests }
  return await copyParts(target, source, { parts, deadlines })
}

/** A store may copy the bytes and not the digest: such a copy could not be completed. */
async function copyWhole({ upload, source }: ProvenUpload, missing: number[]): Promise<Copies> {
  if (missing.length === 0) return { copied: [], refused: [], left: [] }
  const { storageKey, fileHash } = upload
  const isCopied = await copyObject(storageKey, { key: source.storageKey, etag: source.etag })
  const copy = isCopied ? await headObject(storageKey) : null
  const isRight = copy?.sha256 === compositeOf(fileHash)
  return { copied: isRight ? missing : [], refused: isRight ? [] : missing, left: [] }
}
