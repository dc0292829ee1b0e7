import type { IncomingMessage, ServerResponse } from 'node:http'

/** How long a browser may keep the answer to a preflight; two hours is the most Chromium honours. */
const PREFLIGHT_SECONDS = 7200

const ALLOWED_HEADERS = [
  'content-type',
  'content-md5',
  'content-disposition',
  'content-language',
  'cache-control',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'x-amz-checksum-sha256',
  'x-amz-checksum-crc32',
  'x-amz-checksum-crc32c',
  'x-amz-checksum-crc64nvme',
  'x-amz-checksum-sha1',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-content-sha256',
  'x-amz-copy-source-if-match',
  'x-amz-copy-source-range',
  'x-jetty-grant',
]

const EXPOSED_HEADERS = [
  'ETag',
  'x-amz-checksum-sha256',
  'x-amz-checksum-type',
  'x-amz-request-id',
  'content-range',
  'content-length',
  'content-disposition',
  'accept-ranges',
  'last-modified',
  'retry-after',
]

/** What every answer carries, refusals too: a page of any origin may read it. No cookie or password is ever involved. */
export const ANSWER_HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': EXPOSED_HEADERS.join(', '),
  'timing-allow-origin': '*',
  'x-content-type-options': 'nosniff',
} as const

/** Answers a CORS preflight (Fetch standard, "CORS-preflight request"), with Private Network Access where it is asked for. */
export function answerPreflight(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (incoming.headers['access-control-request-private-network'] === 'true') {
    outgoing.setHeader('access-control-allow-private-network', 'true')
  }
  outgoing.writeHead(204, {
    ...ANSWER_HEADERS,
    'access-control-allow-methods': 'PUT, GET, HEAD',
    'access-control-allow-headers': ALLOWED_HEADERS.join(', '),
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  })
  outgoing.end()
}
