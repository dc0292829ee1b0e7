import { once } from 'node:events'
import { connect } from 'node:net'

/** A reply of the Redis protocol (RESP2): status line, error, integer, bytes, nothing, or a list of these. */
export type Reply = { status: string } | { error: string } | number | Buffer | null | Reply[]

export type RespConnection = {
  /** Sends commands in one write, so those of others cannot come between, and gives their replies in order. */
  send(commands: string[][]): Promise<Reply[]>
  close(): void
}

type Waiter = {
  left: number
  replies: Reply[]
  resolve(replies: Reply[]): void
  reject(error: Error): void
}

/** Connects to a Redis server on loopback. */
export async function connectResp(port: number): Promise<RespConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')

  const waiters: Waiter[] = []
  let received: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = received.length ? Buffer.concat([received, chunk]) : chunk
    received = deliver(received, waiters)
  })
  const fail = () => {
    for (const waiter of waiters.splice(0))
      waiter.reject(new Error('The Redis server closed the connection.'))
  }
  socket.on('close', fail)
  socket.on('error', () => {})
  return {
    send(commands) {
      return new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new Error('The Redis server is gone.'))
        waiters.push({ left: commands.length, replies: [], resolve, reject })
        socket.write(Buffer.concat(commands.map(encode)))
      })
    },
    close: () => socket.destroy(),
  }
}

function encode(words: string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return Buffer.from(`*${words.length}\r\n${parts.join('')}`)
}

/** Gives complete replies to those who wait, oldest first; returns the bytes that are not yet a whole reply. */
function deliver(bytes: Buffer, waiters: Waiter[]): Buffer {
  let at = 0
  for (;;) {
    const parsed = parse(bytes, at)
    const waiter = waiters[0]
    if (!parsed || !waiter) return bytes.subarray(at)
    at = parsed.end
    waiter.replies.push(parsed.reply)
    waiter.left -= 1
    if (waiter.left > 0) continue
    waiters.shift()
    waiter.resolve(waiter.replies)
  }
}

type Parsed = { reply: Reply; end: number } | null

function parse(bytes: Buffer, at: number): Parsed {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd < 0) return null
  const line = bytes.toString('utf8', at + 1, lineEnd)
  const end = lineEnd + 2
  switch (String.fromCharCode(bytes[at] ?? 0)) {
    case '+':
      return { reply: { status: line }, end }
    case '-':
      return { reply: { error: line }, end }
    case ':':
      return { reply: Number(line), end }
    case '$':
      return parseBytes(bytes, end, Number(line))
    case '*':
      return parseList(bytes, end, Number(line))
    default:
      throw new Error(`Not a Redis reply: ${line}`)
  }
}

function parseBytes(bytes: Buffer, start: number, length: number): Parsed {
  if (length < 0) return { reply: null, end: start }
  const end = start + length
  return bytes.length < end + 2 ? null : { reply: bytes.subarray(start, end), end: end + 2 }
}

function parseList(bytes: Buffer, start: number, length: number): Parsed {
  if (length < 0) return { reply: null, end: start }
  const replies: Reply[] = []
  let end = start
  for (let item = 0; item < length; item++) {
    const parsed = parse(bytes, end)
    if (!parsed) return null
    replies.push(parsed.reply)
    end = parsed.end
  }
  return { reply: replies, end }
}
