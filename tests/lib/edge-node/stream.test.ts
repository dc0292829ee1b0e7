import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect, createServer as createNetServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { listen } from '../../local/listen.ts'
import {
  ask,
  bodyOf,
  closed,
  deferred,
  makeOrigin,
  makeRecorder,
  makeRelay,
  makeToken,
  URL_OF_OBJECT,
  until,
} from './harness.ts'

const MIB = 1024 * 1024
const ZEROS = Buffer.alloc(MIB)

test.each([0, 1, 65_535, 65_536, 65_537, 5 * MIB + 3])(
  '%i bytes go up as they are',
  async (size) => {
    const { url, received } = await makeRecorder()
    const relay = await makeRelay(url)
    const body = randomBytes(size)
    expect((await ask(relay.url, { body })).status).toBe(200)
    expect(received[0]?.body.equals(body)).toBe(true)
    expect(relay.stats()).toMatchObject({ bytesUp: size, activeRequests: 0 })
  },
)

test.each([0, 1, 65_537, 5 * MIB + 3])('%i bytes come down as they are', async (size) => {
  const body = randomBytes(size)
  const { url } = await makeOrigin((_incoming, outgoing) => outgoing.end(body))
  const relay = await makeRelay(url)
  const answer = await ask(relay.url, { method: 'GET' })
  expect(answer.bytes.equals(body)).toBe(true)
  expect(answer.headers['content-length']).toBe(String(size))
})

test('sixteen bodies at once stay apart', async () => {
  const { url, received } = await makeRecorder()
  const relay = await makeRelay(url)
  const bodies = Array.from({ length: 16 }, () => randomBytes(MIB))
  await Promise.all(bodies.map((body) => ask(relay.url, { body })))
  const sent = bodies.map((body) => body.toString('base64')).sort()
  expect(received.map(({ body }) => body.toString('base64')).sort()).toEqual(sent)
})

test('a range is asked for and answered as a range', async () => {
  const { url } = await makeOrigin((incoming, outgoing) => {
    expect(incoming.headers.range).toBe('bytes=2-4')
    outgoing.writeHead(206, { 'content-range': 'bytes 2-4/9', 'content-length': 3 }).end('cde')
  })
  const relay = await makeRelay(url)
  const answer = await ask(relay.url, { method: 'GET', headers: { range: 'bytes=2-4' } })
  expect(answer.status).toBe(206)
  expect(answer.headers['content-range']).toBe('bytes 2-4/9')
  expect(answer.bytes.toString()).toBe('cde')
})

test('HEAD gives the length without the bytes', async () => {
  const { url } = await makeOrigin((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': 5 * 1024 ** 4, etag: '"e"' }).end()
  })
  const relay = await makeRelay(url)
  const answer = await ask(relay.url, { method: 'HEAD', token: makeToken({ bytes: 0 }) })
  expect(answer.headers).toMatchObject({ 'content-length': String(5 * 1024 ** 4), etag: '"e"' })
  expect(answer.bytes).toHaveLength(0)
})

test('304 comes back as it is', async () => {
  const { url } = await makeOrigin((_incoming, outgoing) => outgoing.writeHead(304).end())
  const relay = await makeRelay(url)
  const answer = await ask(relay.url, { method: 'GET', headers: { 'if-none-match': '"e"' } })
  expect(answer.status).toBe(304)
})

test('an origin that takes nothing makes the client wait, not the memory grow', async () => {
  const origin = createNetServer({ pauseOnConnect: true }, (socket) => {
    onTestFinished(() => void socket.destroy())
  })
  const port = await listen(origin)
  onTestFinished(() => void origin.close())
  const relay = await makeRelay(`http://127.0.0.1:${port}`)
  const total = 128 * MIB
  const upload = openPut(relay.url, total)
  const written = await writeUntilStuck(upload, total)
  expect(written).toBeLessThan(total / 2)
  expect(relay.stats().bytesUp).toBeLessThan(16 * MIB)
})

test('a client that reads nothing makes the origin wait, not the memory grow', async () => {
  let sent = 0
  const { url } = await makeOrigin((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': 128 * MIB })
    const write = () => {
      while (sent < 128 * MIB) {
        sent += MIB
        if (!outgoing.write(ZEROS)) return
      }
    }
    outgoing.on('drain', write)
    write()
  })
  const relay = await makeRelay(url)
  const download = openGet(relay.url)
  download.on('error', () => undefined)
  const [answer]: IncomingMessage[] = await once(download, 'response')
  answer?.pause()
  await standsStill(() => sent)
  expect(sent).toBeLessThan(64 * MIB)
  expect(relay.stats().bytesDown).toBeLessThan(16 * MIB)
  download.destroy()
  await until(() => relay.stats().activeRequests === 0)
})

test('a client that goes away mid-body takes the request to the origin along', async () => {
  const end = deferred<Error | null>()
  const { url } = await makeOrigin((incoming) => {
    bodyOf(incoming).then(() => end.resolve(null), end.resolve)
  })
  const relay = await makeRelay(url)
  const upload = openPut(relay.url, 10 * MIB)
  upload.write(ZEROS)
  await until(() => relay.stats().bytesUp >= MIB)
  upload.destroy()
  expect(await end.promise).toMatchObject({ code: 'ECONNRESET' })
  expect(relay.stats()).toMatchObject({ activeRequests: 0 })
})

test('a client that goes away while downloading stops the origin', async () => {
  const closed = deferred<void>()
  const { url } = await makeOrigin((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': 10 * MIB }).write(ZEROS)
    outgoing.once('close', closed.resolve)
  })
  const relay = await makeRelay(url)
  const download = openGet(relay.url)
  await once(download, 'response')
  download.destroy()
  await closed.promise
})

test('an origin that goes away mid-answer cuts the client, who must not take it for the whole', async () => {
  const { url } = await makeOrigin((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-length': 10 * MIB })
    outgoing.write(ZEROS, () => outgoing.destroy())
  })
  const relay = await makeRelay(url)
  await expect(ask(relay.url, { method: 'GET' })).rejects.toThrow()
})

test('an answer in chunks that breaks off is cut too', async () => {
  const { url } = await makeOrigin((_incoming, outgoing) => {
    outgoing.write(ZEROS, () => outgoing.destroy())
  })
  const relay = await makeRelay(url)
  await expect(ask(relay.url, { method: 'GET' })).rejects.toThrow()
})

test('an origin that goes away mid-body is a 502', async () => {
  const { url } = await makeOrigin((incoming) => {
    incoming.once('data', () => incoming.socket.destroy())
  })
  const relay = await makeRelay(url)
  const { status, problem } = await ask(relay.url, { body: ZEROS })
  expect([status, problem.type]).toEqual([502, '/errors/edge-origin-unavailable'])
})

test('an origin that is not there is a 502', async () => {
  const relay = await makeRelay('http://127.0.0.1:1')
  const { status, problem } = await ask(relay.url, { body: ZEROS })
  expect([status, problem.type]).toEqual([502, '/errors/edge-origin-unavailable'])
})

test('an origin that does not answer is a 504', async () => {
  const { url } = await makeOrigin((incoming) => incoming.resume())
  const relay = await makeRelay(url, { stallMs: 200 })
  for (const method of ['GET', 'PUT']) {
    const { status, problem } = await ask(relay.url, { method })
    expect([status, problem.type]).toEqual([504, '/errors/edge-origin-timeout'])
  }
})

test('a body that stops coming is given up, and the origin told so', async () => {
  const end = deferred<Error | null>()
  const { url } = await makeOrigin((incoming) => {
    bodyOf(incoming).then(() => end.resolve(null), end.resolve)
  })
  const relay = await makeRelay(url, { stallMs: 200 })
  const upload = openPut(relay.url, MIB)
  upload.write('abc')
  const [answer]: IncomingMessage[] = await once(upload, 'response')
  expect(answer?.statusCode).toBe(408)
  expect(await end.promise).toMatchObject({ code: 'ECONNRESET' })
})

test('a body that trickles below 1 KiB/s is cut, however steadily', async () => {
  const { url } = await makeOrigin((incoming) => incoming.resume())
  const relay = await makeRelay(url, { stallMs: 300 })
  const upload = openPut(relay.url, MIB)
  const timer = setInterval(() => upload.write('a'), 50)
  onTestFinished(() => clearInterval(timer))
  const startedAt = Date.now()
  await expect(once(upload, 'response')).rejects.toThrow()
  expect(Date.now() - startedAt).toBeGreaterThan(250)
})

test('a refusal by the store before the body is over reaches a client that keeps sending', async () => {
  const { url } = await makeOrigin((incoming, outgoing) => {
    incoming.once('data', () => {
      outgoing.writeHead(403, { 'content-type': 'application/xml' })
      outgoing.end('<Error><Code>SignatureDoesNotMatch</Code></Error>')
    })
  })
  const relay = await makeRelay(url)
  const { status, bytes, headers } = await ask(relay.url, { body: Buffer.alloc(64 * MIB) })
  expect(status).toBe(403)
  expect(bytes.toString()).toContain('SignatureDoesNotMatch')
  expect(headers['access-control-allow-origin']).toBe('*')
  expect(relay.stats().bytesUp).toBeLessThan(32 * MIB)
})

test('a refusal by the relay reaches a client that keeps sending', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url)
  const { status } = await ask(relay.url, { body: Buffer.alloc(64 * MIB), token: null })
  expect(status).toBe(401)
  expect(relay.stats().bytesUp).toBe(0)
})

test.each([
  ['relay', 401, ''],
  ['store', 403, `x-jetty-grant: ${makeToken()}\r\n`],
])(
  'a body that the %s refused is read for 3 seconds and no longer',
  async (_who, status, grant) => {
    const { url } = await makeOrigin((incoming, outgoing) => {
      incoming.once('data', () => outgoing.writeHead(403).end())
    })
    const relay = await makeRelay(url)
    const socket = connect(relay.port, '127.0.0.1')
    socket.on('error', () => undefined)
    const head = `PUT ${URL_OF_OBJECT} HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 ** 29}\r\n`
    socket.write(`${head}${grant}\r\nabc`)
    const timer = setInterval(() => socket.write('abc'), 50)
    onTestFinished(() => clearInterval(timer))
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toContain(`HTTP/1.1 ${status}`)
    const startedAt = Date.now()
    await closed(socket)
    expect(Date.now() - startedAt).toBeGreaterThan(2_000)
    expect(Date.now() - startedAt).toBeLessThan(4_500)
  },
)

test('a client that asked for the end gets it after its body, not before', async () => {
  const { url } = await makeRecorder()
  const relay = await makeRelay(url)
  const socket = connect(relay.port, '127.0.0.1')
  let isClosed = false
  socket.once('end', () => {
    isClosed = true
  })
  const head = `PUT ${URL_OF_OBJECT} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n`
  socket.write(`${head}Content-Length: 6\r\n\r\nabc`)
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toMatch(/^HTTP\/1.1 401/)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(isClosed).toBe(false)
  socket.write('def')
  await until(() => isClosed)
})

test('a kept-alive connection that died unseen costs nobody a request', async () => {
  let answers = 0
  const origin = createNetServer((socket) => {
    socket.on('error', () => undefined)
    let isFirst = true
    socket.on('data', () => {
      // Each connection serves one request, then says nothing and dies at the next.
      if (!isFirst) return socket.destroy()
      isFirst = false
      answers += 1
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
  })
  const port = await listen(origin)
  onTestFinished(() => void origin.close())
  const relay = await makeRelay(`http://127.0.0.1:${port}`)
  for (const _ of [1, 2, 3]) {
    expect((await ask(relay.url, { method: 'GET' })).bytes.toString()).toBe('ok')
  }
  expect(answers).toBe(3)
})

test('a PUT is not sent again once its body has been read', async () => {
  let requests = 0
  const origin = createNetServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => {
      requests += 1
      if (requests > 1) socket.destroy()
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
  })
  const port = await listen(origin)
  onTestFinished(() => void origin.close())
  const relay = await makeRelay(`http://127.0.0.1:${port}`)
  expect((await ask(relay.url, { method: 'GET' })).status).toBe(200)
  expect((await ask(relay.url, { body: ZEROS.subarray(0, 10) })).status).toBe(502)
  expect(requests).toBe(2)
})

test.each([
  ['just before', 0],
  ['just after', 50],
])(
  'a kept-alive connection that closes %s a PUT arrives costs nobody the PUT',
  async (_when, ms) => {
    const idle: Socket[] = []
    const origin = createNetServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', () => {
        idle.push(socket)
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    const port = await listen(origin)
    onTestFinished(() => void origin.close())
    const relay = await makeRelay(`http://127.0.0.1:${port}`)
    await ask(relay.url, { method: 'GET' })

    const client = connect(relay.port, '127.0.0.1')
    await once(client, 'connect')
    const head = `PUT ${URL_OF_OBJECT} HTTP/1.1\r\nHost: a\r\nx-jetty-grant: ${makeToken()}\r\n`
    // Both reach the relay in one turn; a client that it has not accepted yet comes behind.
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    client.write(`${head}Content-Length: 3\r\n\r\nabc`)
    idle[0]?.destroy()
    const [answer] = await once(client, 'data')
    client.destroy()
    for (const socket of idle) socket.destroy()
    expect(String(answer)).toMatch(/^HTTP\/1.1 200/)
  },
)

test('a kept-alive connection that dies before a body has begun costs nobody the PUT, however long the body', async () => {
  const idle: Socket[] = []
  const size = 2 * 1024 * 1024
  let taken = 0
  const origin = createNetServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      if (idle.length === 0) {
        idle.push(socket)
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        return
      }
      taken += bytes.length
      if (taken > size) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
  })
  const port = await listen(origin)
  onTestFinished(() => void origin.close())
  const relay = await makeRelay(`http://127.0.0.1:${port}`, { stallMs: 2_000 })
  await ask(relay.url, { method: 'GET' })

  const client = connect(relay.port, '127.0.0.1')
  client.on('error', () => undefined)
  onTestFinished(() => void client.destroy())
  const head = `PUT ${URL_OF_OBJECT} HTTP/1.1\r\nHost: a\r\nx-jetty-grant: ${makeToken()}\r\n`
  client.write(`${head}Content-Length: ${size}\r\n\r\n`)
  // The relay has taken the kept connection for it by now.
  await new Promise((resolve) => setTimeout(resolve, 100))
  idle[0]?.destroy()
  await new Promise((resolve) => setTimeout(resolve, 100))
  client.write(Buffer.alloc(size))
  const [answer] = await once(client, 'data')
  expect(String(answer)).toMatch(/^HTTP\/1.1 200/)
})

test('connections to the origin are opened ahead and reused', async () => {
  const { url, server, received } = await makeRecorder()
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  const relay = await makeRelay(url, { warmConnections: 3 })
  await until(() => received.length === 3)
  expect(received.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET'])
  await new Promise((resolve) => setTimeout(resolve, 100))
  for (const _ of [1, 2, 3, 4]) expect((await ask(relay.url, { body: ZEROS })).status).toBe(200)
  expect(connections).toBe(3)
})

function openPut(base: string, length: number) {
  const upload = request(base + URL_OF_OBJECT, {
    method: 'PUT',
    agent: false,
    headers: { 'x-jetty-grant': makeToken(), 'content-length': length },
  })
  upload.on('error', () => undefined)
  upload.flushHeaders()
  return upload
}

function openGet(base: string) {
  const headers = { 'x-jetty-grant': makeToken() }
  const download = request(base + URL_OF_OBJECT, { agent: false, headers })
  download.end()
  return download
}

/** Writes until nothing has drained for half a second; gives how many bytes were taken. */
async function writeUntilStuck(upload: ReturnType<typeof openPut>, total: number): Promise<number> {
  upload.on('error', () => undefined)
  let written = 0
  const write = () => {
    while (written < total) {
      written += MIB
      if (!upload.write(ZEROS)) return
    }
  }
  upload.on('drain', write)
  write()
  await standsStill(() => written)
  return written
}

async function standsStill(value: () => number): Promise<void> {
  let last = -1
  while (value() !== last) {
    last = value()
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

test('of the kept connections the one that carried most is used first: its window is the widest', async () => {
  const ports: Record<string, number | undefined> = {}
  const small = deferred<void>()
  const origin = await makeOrigin(async (incoming, outgoing) => {
    const { length } = (await bodyOf(incoming)).toString('latin1')
    ports[length] = incoming.socket.remotePort
    if (length === 10) await small.promise
    outgoing.end()
  })
  const relay = await makeRelay(origin.url)
  const put = (length: number) => ask(relay.url, { body: ZEROS.subarray(0, length) })
  // The small one ends last, and so was used last.
  const held = put(10)
  await put(100_000)
  small.resolve()
  await held
  await put(20)
  expect(ports[20]).toBe(ports[100_000])
  expect(ports[20]).not.toBe(ports[10])
})
