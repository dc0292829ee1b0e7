import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Segment } from './blobs.ts'
import type { Profile } from './profiles.ts'
import { refuse } from './refuse.ts'
import type { Bucket, State } from './state.ts'

const KEY_BYTES_MAX = 1024

/** What a running server is: its stored state, its rules, and the one pair of keys it accepts. */
export type Store = {
  state: State
  profile: Profile
  accessKeyId: string
  secretAccessKey: string
  region: string
  cors: boolean
}

/** A request as it comes in, and where its answer goes. */
export type Exchange = {
  store: Store
  request: IncomingMessage
  response: ServerResponse
  requestId: string
}

/** One request, taken apart. `key` is '' where the path names a bucket, `bucket` too where it names neither. */
export type Call = Exchange & {
  method: string
  /** As received: the signature covers these bytes. */
  rawPath: string
  bucket: string
  key: string
  query: Map<string, string>
}

/** What an operation answers: XML or nothing, or bytes on disk. */
export type Reply = {
  status: number
  headers?: Record<string, string | number>
  xml?: string
  segments?: Segment[]
}

/**
 * Takes a request apart (path-style addressing).
 *
 * @throws InvalidArgument when path or query are not percent-encoded UTF-8, KeyTooLongError above 1,024 bytes
 */
export function parseCall(exchange: Exchange): Call {
  const { request } = exchange
  const [rawPath = '/', rawQuery = ''] = splitOnce(request.url ?? '/', '?')
  const [bucket = '', key = ''] = splitOnce(rawPath.slice(1), '/').map(decode)
  if (Buffer.byteLength(key) > KEY_BYTES_MAX) throw refuse('KeyTooLongError')

  const pairs = rawQuery.split('&').filter((pair) => pair !== '')
  const query = new Map(
    pairs.map((pair) => {
      const [name = '', value = ''] = splitOnce(pair, '=')
      return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))]
    }),
  )
  return { ...exchange, method: request.method ?? '', rawPath, bucket, key, query }
}

/** The value of a header, undefined when absent. Repeated headers count as one, joined by commas. */
export function header(call: Call, name: string): string | undefined {
  return call.request.headersDistinct[name]?.join(',')
}

/** An x-amz-* setting: a header or, where a presigner moved it there, a parameter of the query. */
export function setting(call: Call, name: string): string | undefined {
  return header(call, name) ?? call.query.get(name)
}

/**
 * The bucket a call names.
 *
 * @throws NoSuchBucket
 */
export function bucketOf(call: Call, name = call.bucket): Bucket {
  const bucket = call.store.state.buckets.get(name)
  if (!bucket) throw refuse('NoSuchBucket', undefined, { BucketName: name })
  return bucket
}

/** A whole number from the query. @throws InvalidArgument when it is not one within the bounds */
export function integer(
  call: Call,
  name: string,
  bounds: { min: number; max: number; otherwise: number },
): number {
  const raw = call.query.get(name)
  if (raw === undefined || raw === '') return bounds.otherwise
  const value = Number(raw)
  if (!/^\d+$/.test(raw) || value < bounds.min) {
    throw refuse(
      'InvalidArgument',
      `Argument ${name} must be an integer of at least ${bounds.min}.`,
    )
  }
  return Math.min(value, bounds.max)
}

/** What stands before and after the first separator; only the whole when there is none. */
export function splitOnce(whole: string, separator: string): string[] {
  const at = whole.indexOf(separator)
  return at < 0 ? [whole] : [whole.slice(0, at), whole.slice(at + separator.length)]
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw refuse('InvalidArgument', 'The request URI is not percent-encoded UTF-8.')
  }
}
