import { env } from '../env.ts'
import { storageSideOf } from '../http/storage-side.ts'
import { describeError, log } from '../log.ts'
import { isProblemSlug, Problem, type ProblemSlug } from '../problem.ts'
import * as z from '../vendor/zod.js'
import { signWebhook } from '../webhooks/standard.ts'

/** The caller is answered within 3 s; what is left of them is for its own statements. */
const BUDGET_MS = 2_500
/** An attempt that hangs leaves room for one more. */
const ATTEMPT_MS = 1_400
const FIRST_WAIT_MS = 60
const RETRY_AFTER_SECONDS = 5
/** What the storage side may say about the message itself; anything else is between the two systems. */
const RELAYED: readonly ProblemSlug[] = [
  'invalid-request',
  'not-found',
  'account-conflict',
  'webhook-conflict',
  'events-url-refused',
]

const Refusal = z.object({ type: z.string(), detail: z.string() })

export type Message = { path: string; webhookId: string; body: unknown }

/**
 * Sends a signed message to the storage side and gives its answer. A lost answer, 429 and 5xx are tried again under the
 * same id, with growing, jittered waits, for as long as the caller can wait.
 *
 * @throws Problem that the storage side refused the message with; `storage-side-unavailable` when there is no usable answer
 */
export async function askStorageSide(
  request: Request,
  message: Message,
): Promise<{ status: number; answer: unknown }> {
  const deadline = performance.now() + BUDGET_MS
  for (let attempt = 0; ; attempt += 1) {
    const response = await send(request, message, deadline - performance.now())
    if (response?.ok) return { status: response.status, answer: await response.json() }
    if (response && response.status < 500 && response.status !== 429)
      throw await refusalOf(response)
    const waitMs = FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random())
    if (performance.now() + waitMs + FIRST_WAIT_MS > deadline) throw unavailable()
    await new Promise((resolve) => setTimeout(resolve, waitMs))
  }
}

async function send(request: Request, message: Message, leftMs: number): Promise<Response | null> {
  const { origin, headers } = storageSideOf(request)
  const body = JSON.stringify(message.body)
  const timestamp = Math.floor(Date.now() / 1000)
  const signed = signWebhook({ id: message.webhookId, timestamp, body }, secretsToSignWith())
  try {
    return await fetch(`${origin}${message.path}`, {
      method: 'POST',
      headers: { ...headers, ...signed, 'content-type': 'application/json' },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(Math.max(1, Math.min(ATTEMPT_MS, leftMs))),
    })
  } catch (error) {
    log('warn', 'the storage side does not answer', describeError(error))
    return null
  }
}

function secretsToSignWith(): string[] {
  return env.JETTYTHUNDER_WEBHOOK_SECRET.split(',')
}

async function refusalOf(response: Response): Promise<Problem> {
  const { data } = z.safeParse(Refusal, await response.json().catch(() => null))
  const slug = data?.type.split('/').at(-1) ?? ''
  if (data && isProblemSlug(slug) && RELAYED.includes(slug)) return new Problem(slug, data.detail)
  log('error', 'the storage side refuses what this side signs', { status: response.status, slug })
  return unavailable()
}

function unavailable(): Problem {
  return new Problem('storage-side-unavailable', 'The storage side did not answer in time.', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
