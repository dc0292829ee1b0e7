import { DeleteObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { type S3Options, startS3 } from '../../local/s3/server.ts'

// The store, in a process of its own: the local S3 server, which checks signatures, lengths and checksums. The message
// `settle` is answered with the CPU seconds used so far and what was stored since the last one, which is then removed.
const options: S3Options = JSON.parse(process.argv[2] ?? '{}')
const { endpoint } = await startS3(options)
const { accessKeyId, secretAccessKey, region, bucket: Bucket } = options
const client = new S3Client({
  endpoint,
  region,
  forcePathStyle: true,
  credentials: { accessKeyId, secretAccessKey },
})

process.on('message', async () => {
  const { user, system } = process.cpuUsage()
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }))
  for (const { Key } of Contents) await client.send(new DeleteObjectCommand({ Bucket, Key }))
  const storedBytes = Contents.reduce((sum, { Size = 0 }) => sum + Size, 0)
  process.send?.({ cpuSeconds: (user + system) / 1e6, storedBytes })
})
process.send?.({ endpoint })
