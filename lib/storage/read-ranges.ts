import { mapConcurrently } from '../concurrency.ts'
import { objectUrl, store } from './config.ts'
import { presign } from './sigv4.ts'

const READS_AT_ONCE = 32
const LIFETIME_SECONDS = 60
const TIMEOUT_MS = 10_000

/**
 * Reads ranges of an object, each its first byte and length, in order. Pinned to its ETag (without quotes). S3 1 a range,
 * 32 at once.
 *
 * @throws Error where the object is gone, has changed or lacks a range, or the store does not answer
 */
export async function readRanges(
  { key, etag }: { key: string; etag: string },
  ranges: readonly [offset: number, length: number][],
): Promise<Buffer[]> {
  const request = { method: 'GET', url: objectUrl(key), query: {}, headers: {} }
  const url = presign(store, { ...request, expiresInSeconds: LIFETIME_SECONDS, now: new Date() })
  return await mapConcurrently(ranges, READS_AT_ONCE, ([offset, length]) =>
    readRange(url, etag, { offset, length }),
  )
}

async function readRange(
  url: string,
  etag: string,
  { offset, length }: { offset: number; length: number },
): Promise<Buffer> {
  const response = await fetch(url, {
    headers: { range: `bytes=${offset}-${offset + length - 1}`, 'if-match': `"${etag}"` },
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  if (response.status !== 206 || bytes.length !== length) {
    throw new Error(`A range of an object was answered with ${response.status}`)
  }
  return bytes
}
