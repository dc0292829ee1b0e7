import { askStore } from './client.ts'
import { store } from './config.ts'

/**
 * What the store says of an object: bytes, ETag without quotes, and its SHA-256 where the store keeps one: base64 for an
 * object of one PUT, `base64-N` for the composite of N parts.
 */
export type StoredObject = { size: number; etag: string; sha256: string | null }

/**
 * Asks for an object; null when there is none.
 *
 * @throws Problem `store-unavailable`
 */
export async function headObject(key: string): Promise<StoredObject | null> {
  const head = await askStore(
    ({ client, sdk }) =>
      client.send(
        new sdk.HeadObjectCommand({ Bucket: store.bucket, Key: key, ChecksumMode: 'ENABLED' }),
      ),
    { NotFound: null, NoSuchKey: null },
  )
  if (head === null) return null
  return {
    size: head.ContentLength ?? 0,
    etag: (head.ETag ?? '').replaceAll('"', ''),
    sha256: head.ChecksumSHA256 ?? null,
  }
}

/**
 * Stores an object of the service's own.
 *
 * @throws Problem `store-unavailable`
 */
export async function putObject(key: string, bytes: Uint8Array): Promise<void> {
  await askStore(({ client, sdk }) =>
    client.send(new sdk.PutObjectCommand({ Bucket: store.bucket, Key: key, Body: bytes })),
  )
}

/**
 * Deletes an object; one that is gone already is fine.
 *
 * @throws Problem `store-unavailable`
 */
export async function deleteObject(key: string): Promise<void> {
  await askStore(
    ({ client, sdk }) =>
      client.send(new sdk.DeleteObjectCommand({ Bucket: store.bucket, Key: key })),
    { NoSuchKey: null, NotFound: null },
  )
}
