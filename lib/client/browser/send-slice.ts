import { type Failure, failure } from '../failure.ts'
import type { PartAnswer, PartRequest } from '../source.ts'

/** No progress for so long: the path is dead. The answer may take longer than the last bytes. */
const SEND_STALL_MS = 60_000
const ANSWER_STALL_MS = 120_000

/**
 * Sends a slice by XMLHttpRequest, because only that tells how far a body got. `onSent` hears what the browser has given
 * to the connection, after the answer to a preflight if there was one, and all of it only once all of it went.
 */
export function sendSlice(blob: Blob, part: PartRequest): Promise<PartAnswer> {
  const { url, headers, offset, length, signal, onSent } = part
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(stopped())
    const request = new XMLHttpRequest()
    request.open('PUT', url)
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)

    const stop = () => request.abort()
    const stall = stallOf(() => {
      reject(failure('the path stalled', 'elsewhere'))
      request.abort()
    })
    signal.addEventListener('abort', stop, { once: true })
    request.upload.onprogress = ({ loaded }) => {
      stall.again(loaded < length ? SEND_STALL_MS : ANSWER_STALL_MS)
      onSent(Math.min(loaded, length))
    }
    request.onload = () => resolve(answerOf(request))
    request.onerror = () => reject(failure('connection lost', 'elsewhere'))
    request.onabort = () => reject(stopped())
    request.onloadend = () => {
      stall.clear()
      signal.removeEventListener('abort', stop)
    }
    stall.again(ANSWER_STALL_MS)
    // The browser sets content-length itself, to exactly the slice's length.
    request.send(blob.slice(offset, offset + length))
  })
}

function stopped(): Failure {
  return failure('stopped', 'again')
}

function stallOf(stalled: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    again: (ms: number) => {
      clearTimeout(timer)
      timer = setTimeout(stalled, ms)
    },
    clear: () => clearTimeout(timer),
  }
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
