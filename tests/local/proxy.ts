import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

/** Files and their parts go through as they come. */
const KEPT_BYTES_MAX = 1024 * 1024

/** A request that went through: how many came before it, and what it was. A body of more than 1 MiB is counted, not kept. */
export type Passed = { n: number; method: string; url: string; body: string; bytes: number }

/**
 * What to do to a request. `hang`: it reaches the service, its answer never comes back, as if the caller had died.
 * `lose`: it reaches the service, the connection breaks before the answer. `refuse`: it does not reach it. Or an answer.
 */
export type Fault = 'pass' | 'hang' | 'lose' | 'refuse' | { status: number; body: string }

export type ServiceProxy = {
  url: string
  passed: Passed[]
  /** Decides about each request from now on, which waits for it; undefined lets all pass. */
  fault: ((passed: Passed) => Fault | Promise<Fault>) | undefined
  stop(): Promise<void>
}

/** An HTTP proxy in front of one service, which counts and, when told to, breaks. The Host stays as it was signed. */
export async function startProxy(target: string): Promise<ServiceProxy> {
  const server = createServer((incoming, answer) => void relay(incoming, answer))
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const proxy: ServiceProxy = {
    url: new URL(new URL(target).pathname, `http://127.0.0.1:${port}`).href.replace(/\/$/, ''),
    passed: [],
    fault: undefined,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return proxy

  async function relay(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = incoming
    const isKept = Number(headers['content-length'] ?? 0) <= KEPT_BYTES_MAX
    const body = isKept ? await bodyOf(incoming) : null
    const text = body?.toString('latin1') ?? ''
    const passed = { n: proxy.passed.length, method, url, body: text, bytes: text.length }
    proxy.passed.push(passed)
    const fault = (await proxy.fault?.(passed)) ?? 'pass'
    if (fault === 'refuse') return void incoming.socket.destroy()
    if (typeof fault === 'object') return void answer.writeHead(fault.status).end(fault.body)

    const { hostname, port: targetPort } = new URL(target)
    const onward = request({ hostname, port: targetPort, method, path: url, headers }, (reply) => {
      if (fault === 'pass')
        return void reply.pipe(answer.writeHead(reply.statusCode ?? 502, reply.headers))
      reply.resume()
      reply.once('end', () => fault === 'lose' && incoming.socket.destroy())
    })
    onward.once('error', () => incoming.socket.destroy())
    if (body) onward.end(body)
    else
      pipeline(
        incoming.on('data', (piece) => (passed.bytes += piece.length)),
        onward,
        () => {},
      )
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of incoming) pieces.push(piece)
  return Buffer.concat(pieces)
}
