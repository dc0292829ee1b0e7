import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** The status to answer a request with instead of passing it on, or null. */
export type Intercept = (request: IncomingMessage) => number | null | Promise<number | null>

/** Passes requests on to a store, but for those that `intercept` answers. The Host stays the one that was signed. */
export async function startProxy(endpoint: string, intercept: Intercept): Promise<string> {
  const { hostname, port } = new URL(endpoint)
  const server = createServer(async (incoming, response) => {
    const status = await intercept(incoming)
    if (status !== null) {
      incoming.resume()
      response.writeHead(status).end(status < 300 ? '' : '<Error><Code>Refused</Code></Error>')
      return
    }
    const { method, url: path, headers } = incoming
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    incoming.pipe(onward)
  })
  return await listening(server)
}

/** Starts a server on a free port of this machine for the length of the test, and gives its URL. */
export async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await new Promise((resolve) => server.once('listening', resolve))
  // A server that listens on a port has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}
