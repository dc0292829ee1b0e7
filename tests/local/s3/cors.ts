import type { IncomingMessage } from 'node:http'
import type { Reply } from './call.ts'
import { refuse } from './refuse.ts'

const MAX_AGE_SECONDS = 3600
const EXPOSED = [
  'ETag',
  'Content-Length',
  'Content-Range',
  'Accept-Ranges',
  'x-amz-request-id',
  'x-amz-checksum-sha256',
  'x-amz-checksum-sha1',
  'x-amz-checksum-crc32',
  'x-amz-checksum-crc32c',
  'x-amz-checksum-crc64nvme',
  'x-amz-checksum-type',
]

/** What every answer to a browser carries, refusals too: any page may read it, ETag and checksums included. */
export function corsHeaders(request: IncomingMessage): Record<string, string> {
  if (!request.headers.origin) return {}
  return {
    'access-control-allow-origin': '*',
    'access-control-expose-headers': EXPOSED.join(', '),
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  }
}

/** A browser's question before a request (Fetch standard, "CORS-preflight fetch"): everything is allowed. */
export function preflight(request: IncomingMessage, allowed: boolean): Reply {
  const method = request.headers['access-control-request-method']
  if (!allowed || !request.headers.origin || !method) {
    throw refuse('AccessDenied', 'CORSResponse: CORS is not enabled for this bucket.')
  }
  return {
    status: 200,
    headers: {
      'access-control-allow-methods': 'GET, PUT, POST, HEAD, DELETE',
      'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '',
      'access-control-max-age': MAX_AGE_SECONDS,
      'content-length': 0,
    },
  }
}
