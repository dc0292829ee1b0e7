import {
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  S3Client,
} from '@aws-sdk/client-s3'

export type Stored = {
  /** Sizes of all objects by key. */
  objects: Map<string, number>
  /** Keys of multipart uploads that nobody ended. */
  unfinished: string[]
}

/** Everything that the bucket holds, asked of the store itself. */
export async function listBucket(env: Record<string, string>): Promise<Stored> {
  const client = new S3Client({
    endpoint: env.LYVE_ENDPOINT ?? '',
    region: env.LYVE_REGION ?? '',
    credentials: {
      accessKeyId: env.LYVE_ACCESS_KEY ?? '',
      secretAccessKey: env.LYVE_SECRET_KEY ?? '',
    },
    forcePathStyle: true,
  })
  const Bucket = env.LYVE_BUCKET_NAME
  const objects = new Map<string, number>()
  let token: string | undefined
  do {
    const page: ListObjectsV2CommandOutput = await client.send(
      new ListObjectsV2Command({ Bucket, ContinuationToken: token }),
    )
    for (const { Key = '', Size = 0 } of page.Contents ?? []) objects.set(Key, Size)
    token = page.NextContinuationToken
  } while (token !== undefined)

  const { Uploads = [] }: ListMultipartUploadsCommandOutput = await client.send(
    new ListMultipartUploadsCommand({ Bucket }),
  )
  client.destroy()
  return { objects, unfinished: Uploads.map(({ Key = '' }) => Key) }
}
