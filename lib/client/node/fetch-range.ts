import type http from 'node:http'
import { retryAfterMs } from '../backoff.ts'
import type { Flight } from '../engine.ts'
import { type Failure, failure } from '../failure.ts'
import type { Link } from './download-link.ts'
import type { ByteRange, PartFile } from './part-file.ts'
import type { Sender } from './send-part.ts'

const STALL_MS = 30_000
/** A range whose link is refused this often, renewed each time, will not be given. */
const REFUSALS_MAX = 3
const REFUSAL_BYTES_MAX = 2_000

type Asked = { range: ByteRange; flight: Flight; link: Link; part: PartFile; sender: Sender }

/** Fetches one range into the part file and marks it as there. */
export async function fetchRange({ range, flight, link, part, sender }: Asked): Promise<void> {
  const { url, headers } = await link.over(flight.route)
  const last = range.offset + range.length - 1
  const outgoing = sender.request(url, {
    method: 'GET',
    headers: { ...headers, range: `bytes=${range.offset}-${last}` },
  })
  const stop = () => outgoing.destroy(failure('stopped', 'again'))
  flight.signal.addEventListener('abort', stop, { once: true })
  outgoing.setTimeout(STALL_MS, () => outgoing.destroy(failure('the path stalled', 'elsewhere')))
  try {
    const incoming = await answerTo(outgoing)
    if (incoming.statusCode !== 206) throw await refusalOf(incoming, { range, flight, link })
    const total = Number(incoming.headers['content-range']?.split('/')[1])
    if (total !== part.fileSize) throw failure('the stored object has another size', 'never')
    await receive(incoming, { range, flight, part })
  } catch (error) {
    throw asFailure(error, outgoing)
  } finally {
    flight.signal.removeEventListener('abort', stop)
  }
}

function answerTo(outgoing: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.on('error', reject)
    outgoing.end()
  })
}

async function receive(
  incoming: http.IncomingMessage,
  { range, flight, part }: { range: ByteRange; flight: Flight; part: PartFile },
): Promise<void> {
  let received = 0
  for await (const chunk of incoming) {
    if (received + chunk.length > range.length)
      throw failure('more bytes than asked for', 'elsewhere')
    await part.write(chunk, range.offset + received)
    received += chunk.length
    flight.moved(received)
  }
  if (received < range.length) throw failure('the connection ended early', 'elsewhere')
  part.have(range)
}

async function refusalOf(
  incoming: http.IncomingMessage,
  { range, flight, link }: { range: ByteRange; flight: Flight; link: Link },
): Promise<Failure> {
  let body = ''
  for await (const chunk of incoming) if (body.length < REFUSAL_BYTES_MAX) body += chunk
  const status = incoming.statusCode ?? 0
  const text = `the range was refused: ${status} ${/<Message>([^<]*)/.exec(body)?.[1] ?? ''}`.trim()
  const waitMs = retryAfterMs(incoming.headers['retry-after'])
  if (status === 401 || status === 403) {
    link.refused()
    range.refusals += 1
    if (range.refusals < REFUSALS_MAX) return failure(text, 'again')
  }
  const direct = flight.route.url === null
  const heals = status >= 500 || status === 429 || status === 408 || !direct
  return failure(text, heals ? 'elsewhere' : 'never', { waitMs })
}

/** Errors of the disk end the download; errors of a connection are the path's. */
function asFailure(error: unknown, outgoing: http.ClientRequest): Error {
  if (!(error instanceof Error) || 'retry' in error)
    return error instanceof Error ? error : new Error(String(error))
  if ('syscall' in error && error.syscall === 'write' && 'code' in error && isDiskCode(error.code))
    return error
  return failure(
    error.message || 'connection lost',
    outgoing.reusedSocket ? 'again' : 'elsewhere',
    { cause: error },
  )
}

function isDiskCode(code: unknown): boolean {
  return (
    code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO' || code === 'EFBIG' || code === 'EBADF'
  )
}
