import type { Connector } from '../upload.ts'
import type { Sender } from './send-part.ts'

const PING_TIMEOUT_MS = 5_000

/** Opens connections that the sender then finds open, and measures over one of them. */
export function createConnector(request: Sender['request']): Connector {
  const least = new Map<string, number>()

  async function measure(url: string): Promise<{ ms: number; leastMs: number } | null> {
    const ms = await ping(url, request)
    if (ms === null) return null
    const leastMs = Math.min(ms, least.get(url) ?? ms)
    least.set(url, leastMs)
    return { ms, leastMs }
  }

  return {
    ping: measure,
    warm: async (url, count) => {
      await Promise.all(Array.from({ length: count }, () => ping(url, request)))
      // The line is idle now, and a connection open: what it takes at best.
      await measure(url)
    },
  }
}

/** A relay's `/health` on a kept connection: a round trip and hardly more. */
function ping(url: string, request: Sender['request']): Promise<number | null> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const question = request(new URL('/health', url).href, {
      method: 'GET',
      timeout: PING_TIMEOUT_MS,
    })
    question.once('response', (answer) => {
      resolve(performance.now() - startedAt)
      answer.resume()
    })
    question.once('timeout', () => question.destroy())
    question.once('error', () => resolve(null))
    question.once('close', () => resolve(null))
    question.end()
  })
}
