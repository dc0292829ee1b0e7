import { createHash } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListPartsCommand,
  type Part,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { Answer, S3Target } from './s3-target.ts'

/** S3's smallest part that is not the last. */
export const PART_BYTES = 5 * 1024 * 1024

/** What a store says to a request: `stored` and the like for success, else the status and S3's error code. */
export async function outcome(call: Promise<unknown>, success: string): Promise<string> {
  try {
    await call
    return success
  } catch (error) {
    return refusalOf(error)
  }
}

/** `400 BadDigest`, from an error of the SDK. */
export function refusalOf(error: unknown): string {
  if (!(error instanceof Error)) throw error
  const metadata = '$metadata' in error ? error.$metadata : undefined
  const status =
    metadata && typeof metadata === 'object' && 'httpStatusCode' in metadata
      ? metadata.httpStatusCode
      : undefined
  // No answer at all is no answer of the store's.
  if (status === undefined) throw error
  return `${status} ${error.name}`
}

/** The same for a plain answer. */
export function plainOutcome({ status, body }: Answer, success: string): string {
  return status < 300 ? success : `${status} ${/<Code>(\w+)<\/Code>/.exec(body)?.[1] ?? ''}`.trim()
}

/** Opens a multipart upload. */
export async function openUpload(
  target: S3Target,
  key: string,
  algorithm?: 'SHA256',
): Promise<string> {
  const created = await target.client.send(
    new CreateMultipartUploadCommand({
      Bucket: target.bucket,
      Key: key,
      ChecksumAlgorithm: algorithm,
    }),
  )
  return created.UploadId ?? ''
}

/** Sends a part, with its SHA-256 when asked to, and gives what completion wants to know. */
export async function sendPart(
  target: S3Target,
  part: {
    key: string
    uploadId: string
    partNumber: number
    body: Buffer | string
    sha256?: boolean
  },
): Promise<{ PartNumber: number; ETag: string | undefined; ChecksumSHA256?: string }> {
  const { key, uploadId, partNumber, body } = part
  const checksum = part.sha256 ? { ChecksumSHA256: sha256(body) } : {}
  const sent = await target.client.send(
    new UploadPartCommand({
      ...{ Bucket: target.bucket, Key: key, UploadId: uploadId, PartNumber: partNumber },
      ...{ Body: body, ...checksum },
    }),
  )
  return { PartNumber: partNumber, ETag: sent.ETag, ...checksum }
}

export function complete(
  { bucket }: S3Target,
  upload: { key: string; uploadId: string },
  Parts: { PartNumber: number; ETag: string | undefined; ChecksumSHA256?: string }[],
): CompleteMultipartUploadCommand {
  const { key, uploadId } = upload
  return new CompleteMultipartUploadCommand({
    Bucket: bucket,
    Key: key,
    UploadId: uploadId,
    MultipartUpload: { Parts },
  })
}

export async function putObject(
  target: S3Target,
  key: string,
  body: Buffer | string,
): Promise<string> {
  const put = await target.client.send(
    new PutObjectCommand({ Bucket: target.bucket, Key: key, Body: body }),
  )
  return put.ETag ?? ''
}

export async function readObject(target: S3Target, key: string, range?: string): Promise<Buffer> {
  const got = await target.client.send(
    new GetObjectCommand({ Bucket: target.bucket, Key: key, Range: range }),
  )
  return Buffer.from((await got.Body?.transformToByteArray()) ?? [])
}

export function md5(bytes: Buffer | string): string {
  return createHash('md5').update(bytes).digest('hex')
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('base64')
}

/** Every part of an open upload, all pages. */
export async function listParts(target: S3Target, key: string, uploadId: string): Promise<Part[]> {
  const all: Part[] = []
  let marker: string | undefined
  do {
    const page = await target.client.send(
      new ListPartsCommand({
        Bucket: target.bucket,
        Key: key,
        UploadId: uploadId,
        PartNumberMarker: marker,
      }),
    )
    all.push(...(page.Parts ?? []))
    marker = page.IsTruncated ? page.NextPartNumberMarker : undefined
  } while (marker)
  return all
}
