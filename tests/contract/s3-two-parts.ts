import { randomBytes } from 'node:crypto'
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import { complete, md5, PART_BYTES, sendPart, sha256 } from './s3-calls.ts'
import type { S3Target } from './s3-target.ts'

/** A finished multipart object of two parts, and what its composites should be. */
export async function twoParts(store: S3Target) {
  const key = store.newKey()
  const created = await store.client.send(
    new CreateMultipartUploadCommand({
      Bucket: store.bucket,
      Key: key,
      ChecksumAlgorithm: 'SHA256',
    }),
  )
  const uploadId = created.UploadId ?? ''
  const bodies = [randomBytes(PART_BYTES), randomBytes(10)]
  const parts: Awaited<ReturnType<typeof sendPart>>[] = []
  for (const [index, body] of bodies.entries()) {
    parts.push(await sendPart(store, { key, uploadId, partNumber: index + 1, body, sha256: true }))
  }
  const completed = await store.client.send(complete(store, { key, uploadId }, parts))
  const digests = bodies.map((body) => Buffer.from(sha256(body), 'base64'))
  const md5s = bodies.map((body) => Buffer.from(md5(body), 'hex'))
  return {
    key,
    etag: completed.ETag?.replaceAll('"', ''),
    composite: sha256(Buffer.concat(digests)),
    md5s,
  }
}
