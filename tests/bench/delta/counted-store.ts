import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { listen } from '../../local/listen.ts'

export type CountedStore = {
  url: string
  /** Bytes in bodies of PUT so far: parts, files and manifests, from whomever. Copies have none. */
  received: () => number
  stop: () => Promise<void>
}

/** Stands before a store and counts what it is sent. The Host stays as it was signed. */
export async function countedStore(target: string): Promise<CountedStore> {
  const { hostname, port: targetPort } = new URL(target)
  let received = 0
  const server = createServer((incoming: IncomingMessage, answer: ServerResponse) => {
    const { method, url: path, headers } = incoming
    const onward = request({ hostname, port: targetPort, method, path, headers }, (reply) => {
      reply.pipe(answer.writeHead(reply.statusCode ?? 502, reply.headers))
    })
    if (method === 'PUT') {
      incoming.on('data', (bytes: Buffer) => {
        received += bytes.length
      })
    }
    onward.once('error', () => incoming.socket.destroy())
    incoming.pipe(onward)
  })
  const port = await listen(server, undefined, { apart: 1, host: '127.0.0.1' })
  return {
    url: `http://127.0.0.1:${port}`,
    received: () => received,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
