import { read } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { failure } from '../failure.ts'
import { CHANGED_MESSAGE, type PartAnswer, type PartRequest } from '../source.ts'
import type { Connector } from '../upload.ts'
import { type BufferRing, createBufferPool } from './buffer-pool.ts'
import { createConnector } from './connector.ts'

/**
 * No progress for so long: the path is dead, whatever the engine makes of its own measurements. The answer may take longer
 * than a write, the kernel's buffers being deep.
 */
const WRITE_STALL_MS = 60_000
const ANSWER_STALL_MS = 150_000
/** Pieces of this size are handed over while somebody limits the rate: they leave one by one, not in bursts. So do the first of each part. */
const PACED_BYTES = 16 * 1024
/** A piece is at most so much of what was sent before it: a slow connection shows early what it carries. */
const PIECE_SHARE = 1 / 8
const ANSWER_BYTES_MAX = 64 * 1024

export type FilePartRequest = PartRequest & { fd: number }

export type Sender = {
  /** Sends a slice of an open file and gives the answer, whatever its status. */
  put: (request: FilePartRequest) => Promise<PartAnswer>
  /** Opens a request; connections are kept and shared by all that goes to one host. */
  request: (url: string, options: http.RequestOptions) => http.ClientRequest
  connector: Connector
  close: () => void
}

/**
 * Kept HTTP/1.1 connections per host. A slice streams through a ring of small buffers, each used again only after the
 * connection took it, so memory depends on the number of connections and not on the size of parts.
 */
export function createSender(connections = 64): Sender {
  const settings = {
    keepAlive: true,
    noDelay: true,
    maxSockets: connections,
    scheduling: 'lifo' as const,
  }
  const agents = { 'http:': new http.Agent(settings), 'https:': new https.Agent(settings) }
  const buffers = createBufferPool()

  function request(url: string, options: http.RequestOptions): http.ClientRequest {
    if (url.startsWith('https:')) return https.request(url, { ...options, agent: agents['https:'] })
    return http.request(url, { ...options, agent: agents['http:'] })
  }

  return {
    request,
    put: (part) => put(part, { request, buffers: buffers.ring() }),
    connector: createConnector(request),
    close: () => {
      agents['http:'].destroy()
      agents['https:'].destroy()
    },
  }
}

type Means = { request: Sender['request']; buffers: BufferRing }

function put(part: FilePartRequest, { request, buffers }: Means): Promise<PartAnswer> {
  const headers = { ...part.headers, 'content-length': part.length }
  const outgoing = request(part.url, { method: 'PUT', headers })
  return new Promise((resolve, reject) => {
    const stall = createStall(() =>
      outgoing.destroy(failure('the path stalled', 'elsewhere', { away: true })),
    )
    const stop = () => outgoing.destroy(failure('stopped', 'again'))
    const end = () => {
      stall.clear()
      part.signal.removeEventListener('abort', stop)
    }
    part.signal.addEventListener('abort', stop, { once: true })
    if (part.signal.aborted) stop()
    outgoing.once('socket', (socket) => timeConnect(socket, part.onConnect))

    outgoing.once('error', (error) => {
      end()
      reject(asFailure(error, outgoing))
    })
    outgoing.once('response', (incoming) => {
      readAnswer(incoming).then(
        (answer) => {
          end()
          // An answer before the last byte ends the exchange; the rest of the body would only be in the way.
          if (!outgoing.writableFinished) outgoing.destroy()
          resolve(answer)
        },
        (error) => {
          end()
          reject(asFailure(error, outgoing))
        },
      )
    })
    pour(outgoing, part, { buffers, stall }).catch((error) => outgoing.destroy(error))
  })
}

/** The time from the first packet to the other side's answer; looking its name up is not part of it. */
function timeConnect(socket: Socket, onConnect: PartRequest['onConnect']): void {
  if (!socket.connecting) return
  let startedAt = performance.now()
  socket.once('lookup', () => {
    startedAt = performance.now()
  })
  socket.once('connect', () => onConnect?.(performance.now() - startedAt))
}

/** Reads ahead into the ring while earlier slices are on their way. */
async function pour(
  outgoing: http.ClientRequest,
  { fd, offset, length, onSent, pace, isPaced }: FilePartRequest,
  { buffers, stall }: { buffers: BufferRing; stall: Stall },
): Promise<void> {
  let sent = 0
  try {
    for (let at = 0; at < length; ) {
      const buffer = await buffers.take()
      if (outgoing.destroyed || outgoing.writableEnded) return buffers.give(buffer)
      const most = isPaced?.() ? PACED_BYTES : Math.max(PACED_BYTES, at * PIECE_SHARE)
      const wanted = Math.floor(Math.min(most, buffer.length, length - at))
      await pace?.(wanted)
      const count = await readAt(fd, buffer, { wanted, position: offset + at })
      if (count === 0) throw failure(CHANGED_MESSAGE, 'never')
      at += count
      outgoing.write(buffer.subarray(0, count), (error) => {
        buffers.give(buffer)
        if (error) return
        sent += count
        stall.again(WRITE_STALL_MS)
        onSent(sent)
      })
    }
    outgoing.end(() => stall.again(ANSWER_STALL_MS))
  } finally {
    buffers.done()
  }
}

function readAt(
  fd: number,
  buffer: Buffer,
  { wanted, position }: { wanted: number; position: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, 0, wanted, position, (error, count) =>
      error ? reject(error) : resolve(count),
    )
  })
}

async function readAnswer(incoming: http.IncomingMessage): Promise<PartAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming) {
    bytes += chunk.length
    if (bytes <= ANSWER_BYTES_MAX) chunks.push(chunk)
  }
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
  )
  return { status: incoming.statusCode ?? 0, headers, body: Buffer.concat(chunks).toString('utf8') }
}

/** A kept connection that the other side closed meanwhile says nothing about the path. */
function asFailure(error: Error, outgoing: http.ClientRequest): Error {
  if ('retry' in error) return error
  return failure(
    error.message || 'connection lost',
    outgoing.reusedSocket ? 'again' : 'elsewhere',
    { cause: error, away: true },
  )
}

type Stall = { again: (ms: number) => void; clear: () => void }

function createStall(stalled: () => void): Stall {
  let current = WRITE_STALL_MS
  let isOver = false
  let timer = setTimeout(stalled, current)
  return {
    again: (ms) => {
      // The end of a body may be told after its request is over; a timer would then keep the process alive.
      if (isOver) return
      if (ms === current) return void timer.refresh()
      clearTimeout(timer)
      current = ms
      timer = setTimeout(stalled, ms)
    },
    clear: () => {
      isOver = true
      clearTimeout(timer)
    },
  }
}
