import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'
import { createRedisServer } from 'js-redis-server'

/** Node publishes every connection that a server of this process accepts here. */
const ACCEPTED = 'net.server.socket'

export type Redis = { url: string; port: number; stop(): Promise<void> }

/** Starts js-redis-server, an in-memory Redis in JavaScript, on a free loopback port. Nothing survives a stop. */
export async function startRedis(): Promise<Redis> {
  subscribe(ACCEPTED, sendAtOnce)
  const server = await createRedisServer({ port: 0 })
  return {
    url: `redis://127.0.0.1:${server.port}`,
    port: server.port,
    async stop() {
      unsubscribe(ACCEPTED, sendAtOnce)
      await server.close()
    },
  }
}

/** The engine leaves Nagle's algorithm on, which holds back the second reply of a pipeline for 40 ms. */
function sendAtOnce(message: unknown): void {
  const { socket } = message as { socket?: unknown }
  if (socket instanceof Socket) socket.setNoDelay(true)
}
