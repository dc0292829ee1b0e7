import { escapePath } from './canonical-request.ts'
import { askStore, isRefusal } from './client.ts'
import { store } from './config.ts'

/**
 * Copies an object of up to 5 GiB, inside the store (CopyObject, pinned by `x-amz-copy-source-if-match`; Ceph's gateway
 * ignores that). Nothing but the bytes is taken over. False where the store refuses: the source is gone, or another one.
 *
 * @throws Problem `store-unavailable`; the object may have been copied nevertheless
 */
export async function copyObject(
  key: string,
  source: { key: string; etag: string },
): Promise<boolean> {
  try {
    await askStore(({ client, sdk }) =>
      client.send(
        new sdk.CopyObjectCommand({
          Bucket: store.bucket,
          Key: key,
          CopySource: escapePath(`${store.bucket}/${source.key}`),
          CopySourceIfMatch: `"${source.etag}"`,
          ChecksumAlgorithm: 'SHA256',
          MetadataDirective: 'REPLACE',
        }),
      ),
    )
    return true
  } catch (error) {
    if (!isRefusal(error)) throw error
    return false
  }
}
