import { createReadStream } from 'node:fs'
import { S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'

const READ_BYTES = 1024 * 1024

/** @aws-sdk/lib-storage: parts of 5 MiB, its least and its default; `queueSize` of them at once. */
export function prepare({
  file,
  queueSize,
  endpoint,
  region,
  bucket,
  accessKeyId,
  secretAccessKey,
}) {
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  })
  const Body = createReadStream(file, { highWaterMark: READ_BYTES })
  const params = { Bucket: bucket, Key: `lib-storage/${process.pid}`, Body }
  return () => new Upload({ client, queueSize, params }).done()
}
