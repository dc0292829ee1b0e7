import { compositeOf } from '../content/content-id.ts'
import { layoutOf, partRange } from '../content/layout.ts'
import {
  abortMultipartUpload,
  createMultipartUpload,
  listParts,
  type StoredPart,
} from '../storage/multipart.ts'
import { headObject } from '../storage/objects.ts'
import { partDigestOf } from './content.ts'
import type { Upload } from './upload.ts'

/** An upload as the store knows it: under which id its parts go, and which of them are there as they should be. */
export type Opened = { upload: Upload; s3UploadId: string | null; storedParts: number[] }

/**
 * Finds or makes the S3 side of an upload. One S3 call: create for a new one of several parts, a listing (a call per 1,000
 * parts) for a found one, a HEAD for a found single PUT, none for a new one. An upload that the store lost is looked for
 * as a finished object, and made again when there is none.
 */
export async function openAtStore(
  upload: Upload,
  isNew: boolean,
  digests: Buffer,
): Promise<Opened> {
  if (upload.partCount === 1) {
    const stored = isNew ? false : await isObjectStored(upload)
    return { upload, s3UploadId: null, storedParts: stored ? [1] : [] }
  }
  if (upload.s3UploadId === null) return await openAnew(upload)

  const parts = await listParts(upload.storageKey, upload.s3UploadId)
  if (parts) {
    const good = parts.filter((part) => isAsDeclared(upload, part, digests))
    return {
      upload,
      s3UploadId: upload.s3UploadId,
      storedParts: good.map((part) => part.partNumber),
    }
  }
  if (await isObjectStored(upload)) {
    const all = Array.from({ length: upload.partCount }, (_, index) => index + 1)
    return { upload, s3UploadId: upload.s3UploadId, storedParts: all }
  }
  return await openAnew(upload)
}

/** Drops a multipart upload that lost the race to become an upload's S3 side; nothing was ever signed for it. */
export async function dropUnused({ upload, s3UploadId }: Opened): Promise<void> {
  if (s3UploadId !== null) await abortMultipartUpload(upload.storageKey, s3UploadId)
}

/** Whether a stored part has the size and digest that its upload declares; md5 mode is judged at completion. */
export function isAsDeclared(upload: Upload, part: StoredPart, digests: Buffer): boolean {
  if (part.partNumber > upload.partCount) return false
  if (part.size !== partRange(layoutOf(upload.fileSize), part.partNumber).length) return false
  return upload.checksum === 'md5' || part.sha256 === partDigestOf(digests, part.partNumber)
}

async function openAnew(upload: Upload): Promise<Opened> {
  const s3UploadId = await createMultipartUpload(upload.storageKey, { checksum: upload.checksum })
  return { upload, s3UploadId, storedParts: [] }
}

async function isObjectStored(upload: Upload): Promise<boolean> {
  const object = await headObject(upload.storageKey)
  if (object?.size !== upload.fileSize) return false
  return upload.checksum === 'md5' || object.sha256 === compositeOf(upload.fileHash)
}
