import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { closeServer, listen } from '../../local/listen.ts'
import type { Fate, Service } from './faults.ts'

/** Longer than any client of it keeps an idle connection, and the other way round for the service: nobody is cut by chance. */
const KEEP_ALIVE_MS = 60_000
const IDLE_MS_MAX = 2_000

const FAILURES: Record<Service, { status: number; body: string }> = {
  sql: { status: 500, body: 'the proxy in front of the database failed' },
  redis: { status: 500, body: '{"error":"ERR internal"}' },
  s3: {
    status: 503,
    body: '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
  },
}

export type FaultProxy = {
  /** The address that takes the service's place. */
  url: string
  /** Requests that came, and those that broke by no fault of the plan. */
  seen: { requests: number; broken: number }
  stop(): Promise<void>
}

/**
 * A proxy in front of one service that breaks what `fateOf` says. Unlike tests/local/proxy.ts it streams, keeps nothing of
 * what passes, and bears callers that leave in the middle. The Host stays as it was signed.
 */
export async function startFaultProxy(
  service: Service,
  target: string,
  fateOf: (service: Service) => Fate,
): Promise<FaultProxy> {
  const { hostname, port: targetPort, pathname } = new URL(target)
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS_MAX, scheduling: 'lifo' })
  const seen = { requests: 0, broken: 0 }
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true, requestTimeout: 0 })
  server.on('request', (incoming, outgoing) => void relay(incoming, outgoing))
  const port = await listen(server)
  return {
    url: new URL(pathname, `http://127.0.0.1:${port}`).href.replace(/\/$/, ''),
    seen,
    async stop() {
      await closeServer(server)
      agent.destroy()
    },
  }

  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    seen.requests += 1
    const fate = fateOf(service)
    if (fate === 'refuse') return void incoming.socket.destroy()
    if (fate === 'fail') return fail(incoming, outgoing)
    if (typeof fate === 'object') await sleep(fate.delayMs)
    if (incoming.socket.destroyed) return
    passOn(incoming, outgoing, fate === 'lose')
  }

  function fail(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { status, body } = FAILURES[service]
    incoming.resume().once('end', () => outgoing.writeHead(status).end(body))
  }

  function passOn(incoming: IncomingMessage, outgoing: ServerResponse, isLost: boolean): void {
    const { method, url: path, headers } = incoming
    const onward = request(
      { hostname, port: targetPort, method, path, headers, agent },
      (reply) => {
        if (isLost) return void reply.resume().once('end', () => incoming.socket.destroy())
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
        reply.pipe(outgoing)
        reply.once('error', () => outgoing.destroy())
      },
    )
    let isOver = false
    const end = () => {
      isOver = true
      onward.destroy()
    }
    outgoing.once('close', () => outgoing.writableFinished || end())
    // A service that answers before it has the whole body reads no more: the rest must not hold up the connection.
    outgoing.once('finish', () => {
      if (incoming.readableEnded) return
      incoming.unpipe(onward)
      incoming.resume()
      end()
    })
    onward.once('error', () => {
      if (!isOver) seen.broken += 1
      if (!outgoing.writableFinished) incoming.socket.destroy()
    })
    incoming.pipe(onward)
  }
}
