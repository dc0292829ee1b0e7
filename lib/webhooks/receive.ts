import { createHash } from 'node:crypto'
import { env } from '../env.ts'
import { BODY_BYTES_MAX, parseJson, parseValue, type Schema } from '../http/parse.ts'
import { requireSecret } from '../http/secret.ts'
import { Problem } from '../problem.ts'
import type { Receipt } from './receipt.ts'
import { verifyWebhook } from './standard.ts'

/** Who sends messages, and what it signs them with: a list, newest first, separated by commas. */
const SECRETS = {
  customer: env.INTERNAL_WEBHOOK_SECRET,
  'routing side': env.AGENTCACHE_WEBHOOK_SECRET,
} as const
const HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature']

export type Sender = keyof typeof SECRETS

/**
 * The body of a message `about` something, signed as a Standard Webhook with one of its sender's secrets; or, only while
 * WEBHOOK_BEARER_SECRET is set, with that as its bearer and without those headers; the latter has no receipt. An id
 * belongs to its sender, whatever address it is used at, and the digest to what the message is about: the address is
 * written by whoever sends, in as many spellings as the platform takes, and a message sent on to another endpoint is
 * another message.
 *
 * @throws Problem `unauthorized`, `invalid-request`, `too-large`
 */
export async function receiveWebhook<T>(
  request: Request,
  { from, about }: { from: Sender; about: string },
  schema: Schema<T>,
): Promise<{ body: T; receipt: Receipt | null }> {
  const text = await request.text()
  if (text.length > BODY_BYTES_MAX) throw new Problem('too-large', 'The message is too large.')

  const webhookId = authorize(request, SECRETS[from], text)
  const body = parseValue(parseJson(text), schema)
  if (webhookId === null) return { body, receipt: null }
  const bodyDigest = createHash('sha256').update(`${about}\n${text}`).digest('hex')
  return { body, receipt: { sender: from, webhookId, bodyDigest } }
}

/** The message's id; null for a bearer. Who sends any of a signature is judged by it alone. */
function authorize(request: Request, secrets: string, text: string): string | null {
  const bearer = env.WEBHOOK_BEARER_SECRET
  if (bearer !== undefined && !HEADERS.some((name) => request.headers.has(name))) {
    requireSecret(request, bearer)
    return null
  }
  const message = verifyWebhook(request.headers, text, secrets.split(','))
  if (message === null) {
    throw new Problem(
      'unauthorized',
      'Sign the message as a Standard Webhook (webhook-id, webhook-timestamp, webhook-signature).',
    )
  }
  return message.id
}
