import * as z from '../vendor/zod.js'

const TIMEOUT_MS = 3_000
/** Of an answer that is read; a relay's has some 150. */
const BYTES_MAX = 4_096

const Answer = z.object({
  id: z.string(),
  status: z.string(),
  version: z.string().check(z.maxLength(64), z.regex(/^[\x20-\x7e]*$/)),
})

/** What a relay says of itself, or in words why it does not count as up. */
export type RelayHealth = { isUp: true; version: string } | { isUp: false; reason: string }

/**
 * Asks `/health` of the relay that should answer at `url` as `id`: 3 s, no redirects, at most 4 KB. One that answers as
 * another, or says that it is not well (it does not reach its store, it is stopping), is not up. Never throws, and
 * the reason holds nothing of what was answered.
 */
export async function askHealth(url: string, id: string): Promise<RelayHealth> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(`${url}/health`, { redirect: 'manual', signal })
    const text = await readStart(response)
    return judge(id, response.status, z.safeParse(Answer, parse(text)).data)
  } catch {
    return { isUp: false, reason: 'did not answer' }
  }
}

function judge(id: string, status: number, said: z.infer<typeof Answer> | undefined): RelayHealth {
  if (said === undefined) return { isUp: false, reason: 'does not answer as a relay' }
  if (said.id !== id) return { isUp: false, reason: `does not answer as ${id}` }
  if (status !== 200 || said.status !== 'ok') return { isUp: false, reason: 'says it is not well' }
  return { isUp: true, version: said.version }
}

async function readStart(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    bytes += chunk.length
    // Leaving the loop lets go of the connection.
    if (bytes > BYTES_MAX) return ''
  }
  return Buffer.concat(chunks).toString()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
