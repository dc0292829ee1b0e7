import { createServer } from 'node:http'
import { readBody } from './body.ts'
import { closeServer, listen } from './listen.ts'

const BODY_BYTES_MAX = 1_000_000

/** By how much a machine that is busy may be late with what has a limit. */
export const BUSY_MS = 1_000

/**
 * What becomes of the next request: passed on, answered with a status, cut off (before or after it acted, or in the middle of
 * the answer), answered with something else, or left hanging (also in the middle of the answer).
 */
export type Fate =
  | 'pass'
  | 'cut'
  | 'cut after'
  | 'cut short'
  | 'half JSON'
  | 'other JSON'
  | 'hang'
  | 'hang short'
  | number

/** A server in front of another that does as planned, one fate a request, and then passes on. */
export async function startFlaky(target: () => string) {
  const plan: Fate[] = []
  const seen: { path: string; headers: NodeJS.Dict<string | string[]> }[] = []
  const server = createServer(async (incoming, outgoing) => {
    const body = await readBody(incoming, BODY_BYTES_MAX)
    seen.push({ path: incoming.url ?? '', headers: incoming.headers })
    const fate = plan.shift() ?? 'pass'
    if (fate === 'hang') return
    if (fate === 'cut') return void incoming.socket.destroy()
    if (typeof fate === 'number') {
      outgoing.writeHead(fate, { 'content-type': 'application/problem+json' })
      outgoing.end('{"type":"about:blank"}')
      return
    }
    const { host: _host, connection: _c, 'content-length': _l, ...headers } = incoming.headers
    const answer = await fetch(`${target()}${incoming.url}`, {
      method: incoming.method ?? 'POST',
      headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, String(v)])),
      body: new Uint8Array(body ?? []),
    })
    const text = await answer.text()
    if (fate === 'cut after') return void incoming.socket.destroy()
    outgoing.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type') ?? 'text/plain',
    })
    const half = text.slice(0, text.length / 2)
    if (fate === 'cut short') return void outgoing.write(half, () => incoming.socket.destroy())
    if (fate === 'hang short') return void outgoing.write(half)
    if (fate === 'half JSON') return void outgoing.end(half)
    outgoing.end(fate === 'other JSON' ? '{"hello":"jt_live_other"}' : text)
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    plan,
    seen,
    stop: () => closeServer(server),
  }
}
