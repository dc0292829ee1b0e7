import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'

const STARTED = 'http.server.request.start'

/** A request that a server of this process received; `port` is the server's, `host` the name it was asked under. */
export type SeenRequest = { port: number; method: string; url: string; host: string }

/** Notes every request that the HTTP servers of this process receive from now on. */
export function watchRequests(): { seen: SeenRequest[]; stop: () => void } {
  const seen: SeenRequest[] = []
  const note = (message: unknown) => {
    // Node's documentation, "diagnostics_channel", http.server.request.start.
    const { request } = message as { request: IncomingMessage }
    const { method = '', url = '', socket, headers } = request
    seen.push({ port: socket.localPort ?? 0, method, url, host: headers.host ?? '' })
  }
  subscribe(STARTED, note)
  return { seen, stop: () => unsubscribe(STARTED, note) }
}
