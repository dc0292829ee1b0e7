import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'
import { listen } from './listen.ts'

/** RFC 6928: ten segments before the first acknowledgement. */
const FIRST_WINDOW_BYTES = 10 * 1460
const SLICE_BYTES = 64 * 1024
/** At least so much is read ahead of the window, so that a sender's own pauses do not count as distance. */
const READ_AHEAD_BYTES = 256 * 1024

/** A way of some length to one server on loopback. */
export type Leg = {
  /** `host:port` */
  target: string
  rttMs: number
  /** What one connection has under way at most, in each direction: its rate is this per round trip. */
  windowBytes: number
  /** The connections were in use before: their window is open from the first byte. */
  warm?: boolean
  /** Whether it leads over the client's access line. */
  overAccess?: boolean
}

/**
 * Bytes that arrived at the target (up) and back (down) since the start, at a time of the emulation's own clock.
 * `lateMs` is by how much its steps were late on average, over all legs.
 */
export type LegCounts = {
  connections: number
  bytesUp: number
  bytesDown: number
  atMs: number
  lateMs: number
}

export type Distance = {
  /** Opens a leg and gives the `host:port` to use in place of the target. */
  add(leg: Leg): Promise<string>
  counts(address: string): LegCounts
  stop(): Promise<void>
}

/**
 * Emulates long ways over TCP on one machine. A connection costs a round trip before its first byte; each direction has a
 * window that opens by slow start (doubling per round trip from ten segments) and no loss; bytes arrive half a round trip
 * after they left. All legs over the access line share its rate, each way, first come first served.
 *
 * Times are reckoned, not measured: what a late timer costs is made good by the next step, so rates hold on a busy machine
 * as long as it keeps up on average.
 */
export function createDistance(accessBitsPerSecond: number): Distance {
  const bytesPerMs = accessBitsPerSecond / 8 / 1000
  const access = { up: createLine(bytesPerMs), down: createLine(bytesPerMs) }
  const open = {
    up: createLine(Number.POSITIVE_INFINITY),
    down: createLine(Number.POSITIVE_INFINITY),
  }
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  const counted = new Map<string, Omit<LegCounts, 'atMs' | 'lateMs'>>()
  const lateness = { steps: 0, totalMs: 0 }

  return {
    async add(leg) {
      const counts = { connections: 0, bytesUp: 0, bytesDown: 0 }
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
        counts.connections += 1
        const far = connectTo(leg.target)
        keep(sockets, near, far)
        const openAt = performance.now() + leg.rttMs
        const { up, down } = leg.overAccess ? access : open
        carry(near, far, {
          leg,
          openAt,
          lateness,
          line: up,
          count: (bytes) => (counts.bytesUp += bytes),
        })
        carry(far, near, {
          leg,
          openAt,
          lateness,
          line: down,
          count: (bytes) => (counts.bytesDown += bytes),
        })
      })
      const address = `127.0.0.1:${await listen(server)}`
      servers.push(server)
      counted.set(address, counts)
      return address
    },
    counts(address) {
      const counts = counted.get(address) ?? { connections: 0, bytesUp: 0, bytesDown: 0 }
      const lateMs = lateness.totalMs / Math.max(1, lateness.steps)
      return { ...counts, atMs: performance.now(), lateMs }
    },
    async stop() {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

type Way = {
  leg: Leg
  openAt: number
  line: Line
  lateness: Lateness
  count: (bytes: number) => void
}

type Lateness = { steps: number; totalMs: number }

/** Carries one direction of a connection. */
function carry(from: Socket, to: Socket, { leg, openAt, line, lateness, count }: Way): void {
  const owdMs = leg.rttMs / 2
  const arrivals = createTimeline(lateness)
  const acknowledgements = createTimeline(lateness)
  const waiting = createBacklog()
  const ahead = Math.max(leg.windowBytes, READ_AHEAD_BYTES)
  let window = leg.warm ? leg.windowBytes : Math.min(FIRST_WINDOW_BYTES, leg.windowBytes)
  let inFlight = 0
  let leftAt = openAt
  let ended = false

  from.on('data', (bytes) => {
    waiting.add(bytes)
    if (waiting.bytes() >= ahead) from.pause()
    send(openAt)
  })
  from.once('end', () => {
    ended = true
    send(openAt)
  })

  function send(now: number): void {
    while (waiting.bytes() > 0 && inFlight < window) {
      const slice = waiting.take(Math.min(window - inFlight, SLICE_BYTES))
      leftAt = line.leave(slice.bytes.length, Math.max(now, slice.at, openAt))
      inFlight += slice.bytes.length
      arrivals.add(leftAt + owdMs, (at) => deliver(slice.bytes, at))
    }
    if (waiting.bytes() < ahead) from.resume()
    if (!ended || waiting.bytes() > 0) return
    ended = false
    arrivals.add(leftAt + owdMs, () => to.end())
  }

  function deliver(bytes: Buffer, at: number): void {
    count(bytes.length)
    if (to.destroyed || !to.writable) return
    to.write(bytes, () => waits && acknowledge(bytes.length, performance.now()))
    // A receiver that reads slowly acknowledges late.
    const waits = to.writableLength > 0
    if (!waits) acknowledge(bytes.length, at)
  }

  function acknowledge(bytes: number, at: number): void {
    acknowledgements.add(at + owdMs, (now) => {
      inFlight -= bytes
      window = Math.min(leg.windowBytes, window + bytes)
      send(now)
    })
  }
}

/** A line that carries one thing after the other: `leave` says when the last byte of so many has left. */
type Line = { leave: (bytes: number, at: number) => number }

function createLine(bytesPerMs: number): Line {
  let freeAt = 0
  return {
    leave(bytes, at) {
      freeAt = Math.max(freeAt, at) + bytes / bytesPerMs
      return freeAt
    },
  }
}

type Backlog = {
  add: (bytes: Buffer) => void
  bytes: () => number
  /** The next bytes, at most so many, and when they came. */
  take: (bytesMax: number) => { bytes: Buffer; at: number }
}

function createBacklog(): Backlog {
  const chunks: { bytes: Buffer; at: number }[] = []
  let total = 0
  return {
    add(bytes) {
      chunks.push({ bytes, at: performance.now() })
      total += bytes.length
    },
    bytes: () => total,
    take(bytesMax) {
      const [first = { bytes: Buffer.alloc(0), at: 0 }] = chunks
      const bytes = first.bytes.subarray(0, bytesMax)
      first.bytes = first.bytes.subarray(bytes.length)
      if (first.bytes.length === 0) chunks.shift()
      total -= bytes.length
      return { bytes, at: first.at }
    },
  }
}

/** Does things at their times, in order; each is told its own time, however late it is. */
function createTimeline(lateness: Lateness): {
  add: (at: number, run: (at: number) => void) => void
} {
  const due: { at: number; run: (at: number) => void }[] = []
  let waits = false

  function look(): void {
    waits = false
    for (let next = due[0]; next && next.at <= performance.now(); next = due[0]) {
      due.shift()
      lateness.steps += 1
      lateness.totalMs += performance.now() - next.at
      next.run(next.at)
    }
    comeBack()
  }

  function comeBack(): void {
    if (waits || !due[0]) return
    waits = true
    setTimeout(look, due[0].at - performance.now())
  }

  return {
    add(at, run) {
      due.push({ at, run })
      comeBack()
    },
  }
}

function connectTo(target: string): Socket {
  const { hostname, port } = new URL(`tcp://${target}`)
  return tcpConnect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true })
}

/** Who breaks a connection breaks it for the other side, too; who ends it in order has been carried over. */
function keep(sockets: Set<Socket>, near: Socket, far: Socket): void {
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    sockets.add(socket)
    socket.on('error', () => other.destroy())
    socket.once('close', () => sockets.delete(socket))
  }
}
