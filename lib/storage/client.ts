import type { S3Client } from '@aws-sdk/client-s3'
import { Problem } from '../problem.ts'
import { store } from './config.ts'

const CONNECTION_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 20_000
const ATTEMPTS_MAX = 3

/** The SDK's client for the store of this deployment, and the module whose commands it takes. */
export type S3 = { client: S3Client; sdk: typeof import('@aws-sdk/client-s3') }

/** The S3 client of this process. The SDK costs 85 ms of CPU to load, so it is loaded on first use. */
export function s3(): Promise<S3> {
  kept ??= connect()
  return kept
}

/**
 * Runs a call to the store. `outcomes` turns S3 error codes that the caller expects into answers; other refusals are
 * thrown as they are.
 *
 * @throws Problem `store-unavailable` when the store cannot be reached, takes too long or fails (429, 5xx)
 */
export async function askStore<T, Outcome = never>(
  call: (s3: S3) => Promise<T>,
  outcomes: Record<string, Outcome> = {},
): Promise<T | Outcome> {
  try {
    return await call(await s3())
  } catch (error) {
    const { name, $metadata } = sdkError(error)
    const outcome = Object.entries(outcomes).find(([code]) => code === name)
    if (outcome) return outcome[1]
    if (!isOutage($metadata)) throw error
    throw storeUnavailable(error)
  }
}

/** Whether a status says "not now" (429, 5xx); 501 says that the store does no such thing, which is an answer. */
export function isOutageStatus(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501)
}

/** Whether the store itself said no: neither an outage (a `Problem` by then) nor a mistake of ours. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && '$metadata' in error
}

/** The refusal for a store that does not answer. */
export function storeUnavailable(cause: unknown): Problem {
  const detail = 'The storage service does not answer. Try again.'
  return new Problem('store-unavailable', detail, { retryAfterSeconds: 5, cause })
}

let kept: Promise<S3> | undefined

async function connect(): Promise<S3> {
  const sdk = await import('@aws-sdk/client-s3')
  const client = new sdk.S3Client({
    endpoint: store.endpoint,
    region: store.region,
    credentials: { accessKeyId: store.accessKeyId, secretAccessKey: store.secretAccessKey },
    forcePathStyle: true,
    // The SDK's default signs the CRC32 of an empty body into every part URL, which stores refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: ATTEMPTS_MAX,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  })
  return { client, sdk }
}

type SdkError = { name?: string; $metadata?: { httpStatusCode?: number } }

function sdkError(error: unknown): SdkError {
  return error instanceof Error ? error : {}
}

/** Whatever left the SDK's retries carries metadata; without a status, nobody answered. A mistake of ours has none. */
function isOutage(metadata: SdkError['$metadata']): boolean {
  return metadata !== undefined && isOutageStatus(metadata.httpStatusCode ?? 503)
}
