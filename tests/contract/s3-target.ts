import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

/** Where a store is and how to get in. */
export type S3Address = {
  endpoint: string
  accessKeyId: string
  secretAccessKey: string
  region: string
  bucket: string
}

/** A store under test: the SDK's client set up as the product's, and what the cases need again and again. */
export type S3Target = S3Address & {
  client: S3Client
  /** A key nobody else uses. */
  newKey(): string
}

export type Answer = { status: number; headers: IncomingHttpHeaders; body: string }

const MIB = 1024 * 1024
/** S3's smallest part that is not the last. */
export const PART_BYTES = 5 * MIB

/** @param options more settings of the client, for the cases about them */
export function makeTarget(address: S3Address, options: { maxAttempts?: number } = {}): S3Target {
  return {
    ...address,
    client: makeClient(address, { ...options, checksums: 'WHEN_REQUIRED' }),
    newKey: () => `contract/${randomBytes(8).toString('hex')}`,
  }
}

export function makeClient(
  { endpoint, region, accessKeyId, secretAccessKey }: S3Address,
  options: {
    checksums: 'WHEN_REQUIRED' | 'WHEN_SUPPORTED'
    maxAttempts?: number
    systemClockOffset?: number
  },
): S3Client {
  const { checksums, maxAttempts = 1, systemClockOffset = 0 } = options
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts,
    systemClockOffset,
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
  })
}

/** A presigned URL whose listed headers are signed as headers, instead of being moved into the query. */
export function presign<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  target: S3Target,
  command: Parameters<typeof getSignedUrl<ServiceInputTypes, Input, Output>>[1],
  options: { headers?: string[]; expiresIn?: number; signingDate?: Date } = {},
): Promise<string> {
  const { headers = [], ...rest } = options
  const unhoistableHeaders = new Set(headers)
  // Two packages of one SDK, each with its own copy of the client's types.
  return getSignedUrl(target.client, command, { expiresIn: 600, ...rest, unhoistableHeaders })
}

/** The request function of a URL's protocol. */
export function requestOf(url: string): typeof httpRequest {
  return url.startsWith('https:') ? httpsRequest : httpRequest
}

/** One request over node:http, which sends exactly the headers it is given. */
export function send(
  url: string,
  {
    method = 'PUT',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string | number>; body?: Buffer | string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = method === 'PUT' ? { 'content-length': Buffer.byteLength(body) } : {}
    const outgoing = requestOf(url)(
      url,
      { method, headers: { ...length, ...headers } },
      (incoming) => {
        const pieces: Buffer[] = []
        incoming.on('data', (piece: Buffer) => pieces.push(piece))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const { statusCode = 0, headers: received } = incoming
          resolve({
            status: statusCode,
            headers: received,
            body: Buffer.concat(pieces).toString('latin1'),
          })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(method === 'PUT' ? body : undefined)
  })
}

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
