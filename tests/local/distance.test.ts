import { once } from 'node:events'
import { createServer, type Server, connect as tcpConnect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createDistance, type Leg } from './distance.ts'
import { listen } from './listen.ts'

const MBIT = 1_000_000
const WIDE = 1_000 * MBIT

test('a connection carries its window per round trip, within a tenth', async () => {
  const leg = { rttMs: 80, windowBytes: 200_000, warm: true }
  const short = await secondsFor(leg, { bytes: 400_000 })
  const long = await secondsFor(leg, { bytes: 2_400_000 })
  // 200,000 bytes per 80 ms are 20 Mbit/s.
  const mbits = (2_000_000 * 8) / (long - short) / MBIT
  expect(mbits / 20).toBeGreaterThan(0.9)
  expect(mbits / 20).toBeLessThan(1.1)
})

test('connections carry a window each, until the access line that they share is full', async () => {
  const leg = { rttMs: 80, windowBytes: 200_000, warm: true, overAccess: true }
  const one = await secondsFor(leg, { bytes: 1_200_000 })
  const four = await secondsFor(leg, { bytes: 1_200_000, connections: 4 })
  expect(four / one).toBeLessThan(2)

  const narrow = await secondsFor(leg, {
    bytes: 1_200_000,
    connections: 4,
    accessBitsPerSecond: 30 * MBIT,
  })
  const lineSeconds = (4 * 1_200_000 * 8) / (30 * MBIT)
  expect(narrow / lineSeconds).toBeGreaterThan(1)
  expect(narrow / lineSeconds).toBeLessThan(1.4)
})

test('a new connection costs a round trip, and its window opens by doubling', async () => {
  const far = { rttMs: 100, windowBytes: 400_000 }
  // One round trip for the connection, half of one each for the byte and the answer.
  expect(await secondsFor(far, { bytes: 1 })).toBeGreaterThan(0.195)

  // 14,600 + 29,200 + 58,400 + 116,800 bytes: three round trips more than where the window is open.
  const bytes = 219_000
  const slow = await secondsFor(far, { bytes })
  const warm = await secondsFor({ ...far, warm: true }, { bytes })
  expect(slow - warm).toBeGreaterThan(0.27)
  expect(slow / warm).toBeLessThan(3)
})

test('bytes arrive whole and in order, the end of a side after its last byte', async () => {
  const sent = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251))
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
  const address = await before(echo, { rttMs: 10, windowBytes: 50_000 })
  const socket = client(address)
  socket.end(sent)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  expect(Buffer.concat(chunks).equals(sent)).toBe(true)
})

test('a connection broken on one side breaks on the other', async () => {
  const server = createServer((socket) => socket.resume().on('error', () => {}))
  const address = await before(server, { rttMs: 4, windowBytes: 50_000 })
  const socket = client(address)
  const [served] = await once(server, 'connection')
  socket.resetAndDestroy()
  await once(served, 'close')
})

type Load = { bytes: number; connections?: number; accessBitsPerSecond?: number }

/**
 * From connecting until a server that answers after the last byte has been heard by all. The quickest of three: a machine
 * that is busy makes it longer, nothing makes it shorter.
 */
async function secondsFor(leg: Omit<Leg, 'target'>, load: Load): Promise<number> {
  const seconds: number[] = []
  for (let run = 0; run < 3; run++) seconds.push(await secondsOnce(leg, load))
  return Math.min(...seconds)
}

async function secondsOnce(leg: Omit<Leg, 'target'>, load: Load): Promise<number> {
  const { bytes, connections = 1, accessBitsPerSecond } = load
  const server = createServer((socket) => {
    let got = 0
    socket.on('data', (chunk) => {
      got += chunk.length
      if (got === bytes) socket.write('.')
    })
  })
  const address = await before(server, leg, accessBitsPerSecond)
  const began = performance.now()
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = client(address)
      socket.write(Buffer.alloc(bytes))
      await once(socket, 'data')
    }),
  )
  return (performance.now() - began) / 1000
}

async function before(server: Server, leg: Omit<Leg, 'target'>, accessBitsPerSecond = WIDE) {
  const port = await listen(server)
  const distance = createDistance(accessBitsPerSecond)
  onTestFinished(async () => {
    await distance.stop()
    server.close()
  })
  return await distance.add({ ...leg, target: `127.0.0.1:${port}` })
}

function client(address: string) {
  const socket = tcpConnect({ host: '127.0.0.1', port: Number(address.split(':')[1]) })
  onTestFinished(() => void socket.destroy())
  return socket
}
