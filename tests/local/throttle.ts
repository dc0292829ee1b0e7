import { createServer, type Socket, connect as tcpConnect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen } from './listen.ts'

/** What a late timer costs is made good: rates hold on a busy machine. */
const CREDIT_MS = 100

/** A way to one server on loopback, of a width that can be changed, over all of its connections together. */
export type Throttle = {
  port: number
  /** Bytes that went to the server so far. */
  bytesUp: () => number
  /** Connections that were asked for so far, whether or not the server was there. */
  connections: () => number
  setRate: (bytesPerSecond: number) => void
  stop: () => Promise<void>
}

/** Opens a throttled way to `target` (`host:port`). Only what goes there is slowed, answers are not. */
export async function startThrottle(target: string, bytesPerSecond: number): Promise<Throttle> {
  const { hostname, port } = new URL(`tcp://${target}`)
  const line = { rate: bytesPerSecond, freeAt: 0, bytes: 0, connections: 0 }
  const sockets = new Set<Socket>()

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    line.connections += 1
    const far = tcpConnect({ host: hostname, port: Number(port), allowHalfOpen: true })
    tie(near, far, sockets)
    far.pipe(near)
    near.on('data', (bytes) => void pass(bytes, near, far))
    near.on('end', () => far.end())
  })

  async function pass(bytes: Buffer, near: Socket, far: Socket): Promise<void> {
    near.pause()
    const now = performance.now()
    line.freeAt = Math.max(line.freeAt, now - CREDIT_MS) + (bytes.length * 1000) / line.rate
    await sleep(line.freeAt - now)
    if (far.destroyed) return
    line.bytes += bytes.length
    far.write(bytes, () => near.resume())
  }

  return {
    port: await listen(server),
    bytesUp: () => line.bytes,
    connections: () => line.connections,
    setRate: (rate) => {
      line.rate = rate
    },
    stop: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** What happens to one side happens to the other. */
function tie(near: Socket, far: Socket, sockets: Set<Socket>): void {
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    sockets.add(socket)
    socket.on('error', () => other.destroy())
    socket.once('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
  }
}
