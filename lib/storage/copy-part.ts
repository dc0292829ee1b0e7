import { escapePath } from './canonical-request.ts'
import { askStore, isRefusal } from './client.ts'
import { store } from './config.ts'

/** Where a part goes. */
export type PartPlace = { key: string; s3UploadId: string; partNumber: number }

/** Where its bytes come from: a range of the object under `key` while its ETag (without quotes) is this one. */
export type ObjectRange = { key: string; etag: string; offset: number; length: number }

/** The copy's digest in base64, where the answer says it, or the code by which the store refused. */
export type PartCopied = { sha256: string | null } | { refusal: string }

/**
 * Copies a range of an object into a part of an upload, inside the store (UploadPartCopy, pinned by
 * `x-amz-copy-source-if-match`; Ceph's gateway ignores that). An answer of 200 that carries an error is that error.
 *
 * @throws Problem `store-unavailable`; the part may have been copied nevertheless
 */
export async function copyPart(place: PartPlace, source: ObjectRange): Promise<PartCopied> {
  const { offset, length } = source
  const input = {
    Bucket: store.bucket,
    Key: place.key,
    UploadId: place.s3UploadId,
    PartNumber: place.partNumber,
    CopySource: escapePath(`${store.bucket}/${source.key}`),
    CopySourceIfMatch: `"${source.etag}"`,
    CopySourceRange: `bytes=${offset}-${offset + length - 1}`,
  }
  try {
    const { CopyPartResult } = await askStore(({ client, sdk }) =>
      client.send(new sdk.UploadPartCopyCommand(input)),
    )
    return { sha256: CopyPartResult?.ChecksumSHA256 ?? null }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { refusal: error.name }
  }
}
