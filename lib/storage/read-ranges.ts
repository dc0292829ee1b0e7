import { mapConcurrently } from '../concurrency.ts'
import { isOutageStatus } from './client.ts'
import { objectUrl, store } from './config.ts'
import { presign } from './sigv4.ts'

const READS_AT_ONCE = 32
const LIFETIME_SECONDS = 60
const TIMEOUT_MS = 10_000
/** Of hundreds of reads over kept connections one may meet a connection that the store has just closed. */
const ATTEMPTS_MAX = 3

type Read = { url: string; etag: string; offset: number; length: number }

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
    readRange({ url, etag, offset, length }),
  )
}

async function readRange(read: Read, attempt = 1): Promise<Buffer> {
  const answer = await ask(read).catch((cause: unknown) => ({ cause }))
  if (answer instanceof Buffer) return answer
  if (!('status' in answer) || isOutageStatus(answer.status)) {
    if (attempt < ATTEMPTS_MAX) return await readRange(read, attempt + 1)
  }
  throw new Error('A range of an object cannot be read', { cause: answer })
}

async function ask({ url, etag, offset, length }: Read): Promise<Buffer | { status: number }> {
  const response = await fetch(url, {
    headers: { range: `bytes=${offset}-${offset + length - 1}`, 'if-match': `"${etag}"` },
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const { status } = response
  return status === 206 && bytes.length === length ? bytes : { status }
}
