import { randomBytes } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { S3Client, type ServiceInputTypes, type ServiceOutputTypes } from '@aws-sdk/client-s3'
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
