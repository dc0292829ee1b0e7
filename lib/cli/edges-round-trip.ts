import http from 'node:http'
import https from 'node:https'
import { DIRECT } from '../client/routes.ts'

/** The first opens the connection; of those that follow on it the fastest is the round trip. */
const REQUESTS = 4
const TIMEOUT_MS = 2_000

type Path = { id: string; url: string }
type Target = { url: URL; method: 'GET' | 'HEAD'; accepts: (status: number) => boolean }

/**
 * The round trip to each path in ms, to the tenth, null where none answers within two seconds; all at once. A relay has to answer 200
 * to `GET /health`; of the store any answer counts. Four small requests each.
 *
 * @throws the signal's reason when it is aborted
 */
export async function measureRoundTrips(
  paths: Path[],
  signal: AbortSignal,
): Promise<Map<string, number | null>> {
  const measured = await Promise.all(
    paths.map(async (path) => [path.id, await roundTripTo(path, signal)] as const),
  )
  signal.throwIfAborted()
  return new Map(measured)
}

async function roundTripTo(path: Path, signal: AbortSignal): Promise<number | null> {
  const target = targetOf(path)
  if (!target) return null
  const { Agent } = target.url.protocol === 'https:' ? https : http
  // One connection, so that no request but the first waits for another to be opened.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let fastest: number | null = null
  try {
    for (let request = 0; request < REQUESTS; request += 1) {
      const ms = await askOnce(target, agent, signal)
      fastest = Math.min(fastest ?? ms, ms)
    }
  } catch {
    // What was measured before it failed still holds.
  } finally {
    agent.destroy()
  }
  return fastest === null ? null : Math.max(0.1, Math.round(fastest * 10) / 10)
}

function targetOf({ id, url }: Path): Target | undefined {
  if (!URL.canParse(url) || !/^https?:/.test(url)) return undefined
  return id === DIRECT
    ? { url: new URL('/', url), method: 'HEAD', accepts: () => true }
    : { url: new URL('/health', url), method: 'GET', accepts: (status) => status === 200 }
}

function askOnce(target: Target, agent: http.Agent, signal: AbortSignal): Promise<number> {
  const { url, method, accepts } = target
  const { request } = url.protocol === 'https:' ? https : http
  const until = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const outgoing = request(url, { method, agent, signal: until }, (incoming) => {
      const ms = performance.now() - began
      const end = () =>
        accepts(incoming.statusCode ?? 0) ? resolve(ms) : reject(new Error('not healthy'))
      incoming.once('error', reject).once('end', end).resume()
    })
    outgoing.once('error', reject).end()
  })
}
