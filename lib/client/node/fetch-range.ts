import type http from 'node:http'
import { retryAfterMs } from '../backoff.ts'
import { type Failure, failure } from '../failure.ts'
import type { Flight } from '../flight.ts'
import type { Link } from './download-link.ts'
import type { ByteRange, PartFile } from './part-file.ts'
import type { Sender } from './send-part.ts'

const STALL_MS = 30_000
/** A range whose link is refused this often, renewed each time, will not be given. */
const REFUSALS_MAX = 3
const REFUSAL_BYTES_MAX = 2_000
const DISK_CODES = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG', 'EBADF', 'EROFS'])

type Asked = { range: ByteRange; flight: Flight; link: Link; part: PartFile; sender: Sender }

/** Fetches one range into the part file and marks it as there. */
export async function fetchRange({ range, flight, link, part, sender }: Asked): Promise<void> {
  const ticket = await link.over(flight.url)
  const { url, headers } = ticket
  const last = range.offset + range.length - 1
  const outgoing = sender.request(url, {
    method: 'GET',
    headers: { ...headers, range: `bytes=${range.offset}-${last}` },
  })
  const stop = () => outgoing.destroy(failure('stopped', 'again'))
  flight.signal.addEventListener('abort', stop, { once: true })
  outgoing.setTimeout(STALL_MS, () =>
    outgoing.destroy(failure('the path stalled', 'elsewhere', { away: true })),
  )
  try {
    const incoming = await answerTo(outgoing)
    if (incoming.statusCode !== 206)
      throw await refusalOf(incoming, { range, flight, refused: () => link.refused(ticket) })
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
    await flight.pace(chunk.length)
    await part.write(chunk, range.offset + received)
    received += chunk.length
    flight.moved(received)
  }
  if (received < range.length) throw failure('the connection ended early', 'elsewhere')
  part.have(range)
}

async function refusalOf(
  incoming: http.IncomingMessage,
  { range, flight, refused }: { range: ByteRange; flight: Flight; refused: () => void },
): Promise<Failure> {
  const body = await textOf(incoming)
  const status = incoming.statusCode ?? 0
  const text = `the range was refused: ${status} ${/<Message>([^<]*)/.exec(body)?.[1] ?? ''}`.trim()
  if (status === 401 || status === 403) {
    refused()
    range.refusals += 1
    if (range.refusals < REFUSALS_MAX) return failure(text, 'again')
  }
  const mayHeal = status >= 500 || status === 429 || status === 408 || flight.url !== null
  const waitMs = retryAfterMs(incoming.headers['retry-after'])
  return failure(text, mayHeal ? 'elsewhere' : 'never', { waitMs })
}

async function textOf(incoming: http.IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of incoming) if (text.length < REFUSAL_BYTES_MAX) text += chunk
  return text
}

/** Errors of the disk end the download; errors of a connection are the path's. */
function asFailure(thrown: unknown, outgoing: http.ClientRequest): Error {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  if ('retry' in error || ('code' in error && DISK_CODES.has(String(error.code)))) return error
  const retry = outgoing.reusedSocket ? 'again' : 'elsewhere'
  return failure(error.message || 'connection lost', retry, { cause: error, away: true })
}
