import { createReadStream } from 'node:fs'
import { request } from 'node:http'
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

/** S3's own limit for one PUT. */
export const PUT_BYTES_MAX = 5 * 1024 ** 3
const KEY = 'demo/plain'
const READ_BYTES = 512 * 1024

/** What to send where: the first `bytes` of a file, to a store at `origin`. */
export type PlainPut = {
  env: Record<string, string>
  origin: string
  file: string
  bytes: number
  signal: AbortSignal
}

/**
 * Sends a file, or its beginning, as everybody does without us: one presigned PUT over one connection. The object is
 * removed again. Gives the seconds from connecting to the store's answer.
 */
export async function plainPut({ env, origin, file, bytes, signal }: PlainPut): Promise<number> {
  const client = new S3Client({
    endpoint: origin,
    region: env.LYVE_REGION,
    credentials: {
      accessKeyId: env.LYVE_ACCESS_KEY ?? '',
      secretAccessKey: env.LYVE_SECRET_KEY ?? '',
    },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  const object = { Bucket: env.LYVE_BUCKET_NAME, Key: KEY }
  const url = await getSignedUrl(client, new PutObjectCommand(object))
  const began = performance.now()
  await put(url, { file, bytes, signal })
  const seconds = (performance.now() - began) / 1000
  await client.send(new DeleteObjectCommand(object))
  client.destroy()
  return seconds
}

function put(
  url: string,
  { file, bytes, signal }: { file: string; bytes: number; signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': bytes }
    const outgoing = request(url, { method: 'PUT', headers, agent: false, signal })
    outgoing.once('error', (error) => reject(signal.aborted ? signal.reason : error))
    outgoing.once('response', (incoming) => {
      incoming.resume()
      if (incoming.statusCode === 200) incoming.once('end', resolve)
      else reject(new Error(`The store answered the plain PUT with ${incoming.statusCode}.`))
    })
    if (bytes === 0) outgoing.end()
    else createReadStream(file, { end: bytes - 1, highWaterMark: READ_BYTES }).pipe(outgoing)
  })
}
