import { createHash } from 'node:crypto'
import { isOutageStatus, isRefusal, storeUnavailable } from './client.ts'
import { abortMultipartUpload, createMultipartUpload } from './multipart.ts'
import { deleteObject } from './objects.ts'
import { signParts } from './sign-parts.ts'

const REQUEST_TIMEOUT_MS = 15_000
const URL_LIFETIME_SECONDS = 300

export type Checksum = 'sha256' | 'md5'

/** One presigned PUT of the probe: a part 1, or a whole object where there is no upload. */
export type ProbePut = {
  key: string
  s3UploadId: string | null
  checksum: Checksum
  /** What is sent. */
  body: Uint8Array<ArrayBuffer>
  /** What the signature promises; the same length, and the same bytes unless said otherwise. */
  promised?: Uint8Array
  guarded?: boolean
  /** Sent, but not signed. */
  unsignedHeaders?: Record<string, string>
}

/**
 * Sends a PUT as a client would.
 *
 * @throws Problem `store-unavailable` on a network failure or 5xx
 */
export async function put(request: ProbePut): Promise<Response> {
  const { key, s3UploadId, checksum, body, promised = body, guarded = false } = request
  const object = { key, s3UploadId, fileSize: body.length, checksum, guarded }
  const digest = createHash(checksum).update(promised).digest('base64')
  const signed = signParts(object, [{ partNumber: 1, digest }], URL_LIFETIME_SECONDS)
  const url = signed.url
    .replace('{partNumber}', '1')
    .replace('{signature}', signed.signatures['1'] ?? '')
  const name = checksum === 'sha256' ? 'x-amz-checksum-sha256' : 'content-md5'
  const headers = { ...signed.headers, [name]: digest, ...request.unsignedHeaders }
  return await ask(url, { method: 'PUT', body, headers })
}

/**
 * A plain request to the store, its answer's body read and dropped.
 *
 * @throws Problem `store-unavailable` on a network failure or 5xx
 */
export async function ask(url: string, init: RequestInit): Promise<Response> {
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  const response = await fetch(url, { ...init, signal }).catch((cause) => {
    throw storeUnavailable(cause)
  })
  await response.arrayBuffer().catch(() => {})
  if (isOutageStatus(response.status)) throw storeUnavailable(`status ${response.status}`)
  return response
}

/** Runs a check with an open upload under this key, and leaves neither upload nor object behind. */
export async function withUpload<T>(
  key: string,
  checksum: Checksum,
  check: (s3UploadId: string) => Promise<T>,
): Promise<T> {
  const s3UploadId = await createMultipartUpload(key, { checksum })
  try {
    return await check(s3UploadId)
  } finally {
    // Best effort: what stays lies under the probe's own prefix and is referred to by nothing.
    await Promise.allSettled([abortMultipartUpload(key, s3UploadId), deleteObject(key)])
  }
}

/** Runs a check that may store an object under this key, and leaves none behind. */
export async function withObject<T>(key: string, check: () => Promise<T>): Promise<T> {
  try {
    return await check()
  } finally {
    await deleteObject(key).catch(() => {})
  }
}

/** A check's answer, or this one where the store refuses what the check needs. An outage is no answer: it is thrown. */
export async function answerOr<T>(refused: T, check: () => Promise<T>): Promise<T> {
  try {
    return await check()
  } catch (error) {
    if (!isRefusal(error)) throw error
    return refused
  }
}
