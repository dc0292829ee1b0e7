import { messageOf } from '../client/failure.ts'
import type { EdgesAnswer } from '../client/wire-edges.ts'

const TIMEOUT_MS = 30_000

/**
 * The whole catalogue. Asked without a key: the answer is for all, and a cache keeps it only so.
 *
 * @throws Error when the service does not answer, or with something else
 */
export async function readCatalogue(url: string, signal: AbortSignal): Promise<EdgesAnswer> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  const address = `${url.replace(/\/+$/, '')}/api/edges`
  const response = await fetch(address, { signal: until }).catch((cause) => {
    signal.throwIfAborted()
    throw new Error(`${url} does not answer: ${messageOf(cause)}`, { cause })
  })
  if (!response.ok) throw new Error(`${address} answers ${response.status}`)
  const answer: EdgesAnswer = await response.json()
  return answer
}
