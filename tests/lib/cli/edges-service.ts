import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export type Seen = {
  method: string
  path: string
  authorization: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body by looking into it
  body: any
}

type Answer = { status?: number; body?: unknown; delayMs?: number }

/** A server of one function; what it was asked is kept. `connections` counts those that were opened. */
export async function aServer(answerTo: (seen: Seen, times: number) => Answer | 'nothing') {
  const seen: Seen[] = []
  let connections = 0
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const asked = {
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization,
      body: text ? JSON.parse(text) : undefined,
    }
    seen.push(asked)
    const answer = answerTo(asked, seen.length)
    if (answer === 'nothing') return
    const { status = 200, body = {}, delayMs = 0 } = answer
    setTimeout(() => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body))
    }, delayMs)
  })
  server.on('connection', () => (connections += 1))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // listen(0, host) gives an address with a port.
  const { port } = server.address() as AddressInfo
  const stop = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${port}`, seen, connections: () => connections, stop }
}

/** An edge as optimal-edges ranks it. */
export function aRankedEdge(id: string, url: string, change: object = {}) {
  const figures = { score: 0.91, weight: 0.42, distance: 12, latency: 12, load: 20 }
  const known = { throughput: 48.1, errorRate: 0.001, source: 'measured' as const, age: 35 }
  return { id, url, city: 'London', country: 'GB', ...figures, ...known, ...change }
}

/** A location as the catalogue tells it. */
export function aLocation(id: string, change: object = {}) {
  const place = { city: 'London', country: 'GB', lat: 51.5074, lng: -0.1278 }
  const known = { latencyMs: null, throughputMbps: null, errorRate: null, loadPercent: null }
  const seen = { version: null, lastSeenAt: null, checkedAt: null }
  return { id, ...place, state: 'up' as const, ...known, ...seen, ...change }
}

export const STRATEGY = {
  chunkSize: 8_388_608,
  chunks: 128,
  threads: 16,
  compression: 'none',
  estimatedTime: 47,
  estimatedCost: 0.1,
  assumptions: { throughput: 183, usdPerGib: 0.1, source: 'estimated' as const },
}
