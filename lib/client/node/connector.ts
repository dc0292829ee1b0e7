import type { Connector } from '../upload.ts'
import type { Sender } from './send-part.ts'

const PING_TIMEOUT_MS = 5_000

/** Opens connections that the sender then finds open, and measures over one of them. */
export function createConnector(request: Sender['request']): Connector {
  return {
    ping: (url) => ping(url, request),
    warm: async (url, count) => {
      await Promise.all(Array.from({ length: count }, () => ping(url, request)))
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
