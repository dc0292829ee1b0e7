import { layoutOf, partRange } from '../../content/layout.ts'
import { failure } from '../failure.ts'
import type { DigestOptions, PartAnswer, PartDigest, PartRequest, Source } from '../source.ts'

/** WebCrypto digests whole buffers: so many parts are in memory at once while hashing. */
const PARTS_AT_ONCE = 2
/** No progress for so long: the path is dead, in ms. */
const STALL_MS = 60_000

/**
 * A Blob or File of a browser. Parts are slices, sent by XMLHttpRequest because only that tells how far a body got. A
 * file that was changed since it was chosen cannot be read any more, so it never sends other bytes than it hashed.
 */
export function blobSource(blob: Blob): Source {
  return {
    size: blob.size,
    digest: (options) => digestBlob(blob, options),
    send: (request) => sendSlice(blob, request),
    changed: async () => {
      const readable = blob.slice(0, 1).arrayBuffer()
      return readable.then(
        () => false,
        () => true,
      )
    },
  }
}

async function digestBlob(
  blob: Blob,
  { md5, signal, onBytes }: DigestOptions,
): Promise<PartDigest[]> {
  if (md5)
    throw new Error('this store needs MD5, which browsers do not offer; use the command line')
  const layout = layoutOf(blob.size)
  const digests: PartDigest[] = new Array(layout.partCount)
  let next = 1
  async function lane(): Promise<void> {
    while (next <= layout.partCount) {
      signal.throwIfAborted()
      const number = next
      next += 1
      const { offset, length } = partRange(layout, number)
      const bytes = await blob.slice(offset, offset + length).arrayBuffer()
      const sha256 = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
      digests[number - 1] = { sha256 }
      onBytes(length)
    }
  }
  await Promise.all(Array.from({ length: PARTS_AT_ONCE }, lane))
  return digests
}

function sendSlice(blob: Blob, part: PartRequest): Promise<PartAnswer> {
  const { url, headers, offset, length, signal, onSent } = part
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('PUT', url)
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)

    const stop = () => request.abort()
    const stalled = () => {
      reject(failure('the path stalled', 'elsewhere'))
      request.abort()
    }
    let timer = setTimeout(stalled, STALL_MS)
    signal.addEventListener('abort', stop, { once: true })
    request.upload.onprogress = ({ loaded }) => {
      clearTimeout(timer)
      timer = setTimeout(stalled, STALL_MS)
      onSent(loaded)
    }
    request.onload = () => resolve(answerOf(request))
    request.onerror = () => reject(failure('connection lost', 'elsewhere'))
    request.onabort = () => reject(failure('stopped', 'again'))
    request.onloadend = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
    // The browser sets content-length itself, to exactly the slice's length.
    request.send(blob.slice(offset, offset + length))
  })
}

function answerOf(request: XMLHttpRequest): PartAnswer {
  const lines = request.getAllResponseHeaders().trim().split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...value] = line.split(': ')
      return [name.toLowerCase(), value.join(': ')]
    }),
  )
  return { status: request.status, headers, body: request.responseText }
}
