import { askStore } from './client.ts'
import { store } from './config.ts'

/** A part as the store lists it; sizes in bytes, the ETag without quotes, `sha256` in base64 where the store keeps it. */
export type StoredPart = { partNumber: number; size: number; etag: string; sha256: string | null }

type Checksum = 'sha256' | 'md5'

/** How the store took a completion. */
export type Completion = 'completed' | 'gone' | 'invalid-part'

/**
 * Opens a multipart upload and gives its id. In SHA-256 mode the store is told so: it then demands the digest of every
 * part and keeps the composite.
 *
 * @throws Problem `store-unavailable`
 */
export async function createMultipartUpload(
  key: string,
  { contentType, checksum }: { contentType?: string; checksum: Checksum },
): Promise<string> {
  const { UploadId } = await askStore(({ client, sdk }) =>
    client.send(
      new sdk.CreateMultipartUploadCommand({
        ...at(key),
        ContentType: contentType,
        ChecksumAlgorithm: checksum === 'sha256' ? 'SHA256' : undefined,
      }),
    ),
  )
  if (!UploadId) throw new Error('The store opened an upload without an id')
  return UploadId
}

/**
 * Every stored part, in order, over all pages (1,000 a page on AWS: one round trip each). Null when the store knows no
 * such upload.
 *
 * @throws Problem `store-unavailable`
 */
export async function listParts(key: string, s3UploadId: string): Promise<StoredPart[] | null> {
  const parts: StoredPart[] = []
  let marker: string | undefined
  do {
    const page = await listPage(key, s3UploadId, marker)
    if (page === null) return null
    parts.push(...page.parts)
    // A store that repeats a marker would be asked forever.
    marker = page.marker === marker ? undefined : page.marker
  } while (marker !== undefined)
  return parts
}

/**
 * Completes an upload from exactly these parts, which count from 1 without a gap (AWS answers 500 otherwise). `gone`: the
 * store knows no such upload, so it was completed or aborted before. `invalid-part`: it does not have these parts, in
 * this order, at least 5 MiB each but the last. An answer of 200 that carries an error is that error (Amazon S3 API
 * Reference, CompleteMultipartUpload).
 *
 * @throws Problem `store-unavailable`; the upload may have been completed nevertheless
 */
// biome-ignore lint/complexity/useMaxParams: the four things CompleteMultipartUpload takes
export async function completeMultipartUpload(
  key: string,
  s3UploadId: string,
  parts: StoredPart[],
  checksum: Checksum,
): Promise<Completion> {
  const MultipartUpload = { Parts: parts.map((part) => listed(part, checksum)) }
  return await askStore<Completion, Completion>(
    async ({ client, sdk }) => {
      const input = { ...at(key), UploadId: s3UploadId, MultipartUpload }
      await client.send(new sdk.CompleteMultipartUploadCommand(input))
      return 'completed'
    },
    {
      ...gone('gone' as const),
      InvalidPart: 'invalid-part',
      InvalidPartOrder: 'invalid-part',
      EntityTooSmall: 'invalid-part',
    },
  )
}

/**
 * Aborts an upload; one that is gone already is fine. A part that was on its way may still be stored: list the parts
 * until there is no such upload.
 *
 * @throws Problem `store-unavailable`
 */
export async function abortMultipartUpload(key: string, s3UploadId: string): Promise<void> {
  await askStore(
    ({ client, sdk }) =>
      client.send(new sdk.AbortMultipartUploadCommand({ ...at(key), UploadId: s3UploadId })),
    gone(null),
  )
}

/**
 * The ids of the open uploads whose key is exactly this one. The prefix is the whole key because Lyve Cloud lists
 * nothing for a shorter one. One page holds 1,000; a key is made for one upload.
 *
 * @throws Problem `store-unavailable`
 */
export async function listMultipartUploads(key: string): Promise<string[]> {
  const { Uploads = [] } = await askStore(({ client, sdk }) =>
    client.send(new sdk.ListMultipartUploadsCommand({ Bucket: store.bucket, Prefix: key })),
  )
  return Uploads.flatMap(({ Key, UploadId }) => (Key === key && UploadId ? [UploadId] : []))
}

/** The codes for an upload that the store does not know; Ceph's gateway names the key once the upload was completed. */
function gone<Outcome>(outcome: Outcome): Record<string, Outcome> {
  return { NoSuchUpload: outcome, NoSuchKey: outcome }
}

function at(key: string) {
  return { Bucket: store.bucket, Key: key }
}

async function listPage(key: string, s3UploadId: string, marker: string | undefined) {
  const page = await askStore(
    ({ client, sdk }) =>
      client.send(
        new sdk.ListPartsCommand({ ...at(key), UploadId: s3UploadId, PartNumberMarker: marker }),
      ),
    gone(null),
  )
  if (page === null) return null
  const parts = (page.Parts ?? []).map((part) => ({
    partNumber: part.PartNumber ?? 0,
    size: part.Size ?? 0,
    etag: (part.ETag ?? '').replaceAll('"', ''),
    sha256: part.ChecksumSHA256 ?? null,
  }))
  return { parts, marker: page.IsTruncated ? page.NextPartNumberMarker : undefined }
}

function listed({ partNumber, etag, sha256 }: StoredPart, checksum: Checksum) {
  const part = { PartNumber: partNumber, ETag: `"${etag}"` }
  return checksum === 'sha256' ? { ...part, ChecksumSHA256: sha256 ?? undefined } : part
}
