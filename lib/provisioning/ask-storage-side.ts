import { env } from '../env.ts'
import type { Schema } from '../http/parse.ts'
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
  'account-deleted',
  'webhook-conflict',
  'events-url-refused',
]

const Refusal = z.object({ type: z.string(), detail: z.string() })

/** `begun`: when the caller's own request began, by performance.now(). */
export type Message = { path: string; webhookId: string; body: unknown; begun: number }

/**
 * Sends a signed message to the storage side and gives its answer. A lost or unreadable answer, 429 and 5xx are tried
 * again under the same id, with growing, jittered waits, for as long as the caller can wait.
 *
 * @throws Problem that the storage side refused the message with; `storage-side-unavailable` when there is no usable answer
 */
export async function askStorageSide<T>(
  request: Request,
  message: Message,
  schema: Schema<T>,
): Promise<T> {
  const deadline = message.begun + BUDGET_MS
  for (let attempt = 0; ; attempt += 1) {
    const reply = await send(request, message, deadline - performance.now())
    if (reply !== null && reply.status < 300) return understand(reply.answer, schema)
    if (reply !== null && reply.status < 500 && reply.status !== 429) throw refusalOf(reply)
    const waitMs = FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random())
    if (performance.now() + waitMs + FIRST_WAIT_MS > deadline) throw unavailable()
    await new Promise((resolve) => setTimeout(resolve, waitMs))
  }
}

type Reply = { status: number; answer: unknown }

/** One attempt; null for an answer that did not come, or not whole. What it holds is never logged. */
async function send(request: Request, message: Message, leftMs: number): Promise<Reply | null> {
  const { origin, headers } = storageSideOf(request)
  const body = JSON.stringify(message.body)
  const timestamp = Math.floor(Date.now() / 1000)
  const signed = signWebhook({ id: message.webhookId, timestamp, body }, secretsToSignWith())
  try {
    const response = await fetch(`${origin}${message.path}`, {
      method: 'POST',
      headers: { ...headers, ...signed, 'content-type': 'application/json' },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(Math.ceil(Math.max(1, Math.min(ATTEMPT_MS, leftMs)))),
    })
    const answer = jsonOf(await response.text())
    if (!response.ok || answer !== undefined) return { status: response.status, answer }
    log('warn', 'the storage side answers in another language', { status: response.status })
  } catch (error) {
    log('warn', 'the storage side does not answer', describeError(error))
  }
  return null
}

/** Undefined for what is not JSON: the parser's own message would quote it. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function secretsToSignWith(): string[] {
  return env.JETTYTHUNDER_WEBHOOK_SECRET.split(',')
}

function understand<T>(answer: unknown, schema: Schema<T>): T {
  const parsed = z.safeParse(schema, answer)
  if (parsed.success) return parsed.data as T
  const at = parsed.error.issues.map(({ path }) => path.join('.'))
  log('error', 'the storage side answers something else', { at })
  throw unavailable()
}

function refusalOf({ status, answer }: Reply): Problem {
  const { data } = z.safeParse(Refusal, answer)
  const slug = data?.type.split('/').at(-1) ?? ''
  if (data && isProblemSlug(slug) && RELAYED.includes(slug)) return new Problem(slug, data.detail)
  log('error', 'the storage side refuses what this side signs', { status, slug })
  return unavailable()
}

function unavailable(): Problem {
  return new Problem('storage-side-unavailable', 'The storage side did not answer in time.', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
