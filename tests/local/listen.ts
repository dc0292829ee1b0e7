import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { createServer } from 'node:net'

const HOST = '127.0.0.1'
const PORTS_TRIED = 20

/** Wished ports of one stack stand closer than this, so that several stacks never take each other's. */
const STACKS_APART = 20

/** Linux gives away 32,768 and up, the others higher ones. */
const [FREE_FROM, FREE_TO] = [20_000, 32_000]
const given = new Set<number>()

/**
 * Starts a server and gives its port: the wished one, else the first free one at steps of `apart`. On loopback unless
 * another of the machine's addresses is given.
 */
export async function listen(
  server: NetServer,
  wishedPort = 0,
  { apart = STACKS_APART, host = HOST }: { apart?: number; host?: string } = {},
): Promise<number> {
  const ports = wishedPort
    ? Array.from({ length: PORTS_TRIED }, (_, more) => wishedPort + more * apart)
    : []
  for (const port of ports) {
    const got = await listenOn(server, port, host).catch(unlessTaken)
    if (got) return got
  }
  return await listenOn(server, 0, host)
}

/**
 * A port nobody listens on, the wished one when it is free. Another one is given once by a process, and stands below those
 * that systems give away: whoever listens or connects somewhere until it is used does not get it.
 */
export async function freePort(wishedPort = 0): Promise<number> {
  const probe = createServer()
  const port = await listen(probe, wishedPort || anyPort())
  probe.close()
  await once(probe, 'close')
  if (!wishedPort && given.has(port)) return await freePort()
  given.add(port)
  return port
}

function anyPort(): number {
  return FREE_FROM + Math.floor(Math.random() * (FREE_TO - FREE_FROM))
}

/** Stops a server at once: what is still open is cut. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

async function listenOn(server: NetServer, port: number, host: string): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  // A TCP server that listens has an address of this form.
  return (server.address() as AddressInfo).port
}

function unlessTaken(error: NodeJS.ErrnoException): null {
  if (error.code === 'EADDRINUSE' || error.code === 'EACCES') return null
  throw error
}
