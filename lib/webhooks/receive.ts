import { createHash } from 'node:crypto'
import { env } from '../env.ts'
import { BODY_BYTES_MAX, parseJson, parseValue, type Schema } from '../http/parse.ts'
import { requireSecret } from '../http/secret.ts'
import { Problem } from '../problem.ts'
import type { Receipt } from './receipt.ts'
import { verifyWebhook } from './standard.ts'

/**
 * The body of a message from another system: signed as a Standard Webhook with one of `secrets` (a list, newest first,
 * separated by commas), or, only while WEBHOOK_BEARER_SECRET is set, with that as its bearer; the latter has no receipt.
 *
 * @throws Problem `unauthorized`, `invalid-request`, `too-large`
 */
export async function receiveWebhook<T>(
  request: Request,
  secrets: string,
  schema: Schema<T>,
): Promise<{ body: T; receipt: Receipt | null }> {
  const text = await request.text()
  if (text.length > BODY_BYTES_MAX) throw new Problem('too-large', 'The message is too large.')

  const webhookId = authorize(request, secrets, text)
  const body = parseValue(parseJson(text), schema)
  if (webhookId === null) return { body, receipt: null }
  const endpoint = new URL(request.url).pathname
  const bodyDigest = createHash('sha256').update(text).digest('hex')
  return { body, receipt: { endpoint, webhookId, bodyDigest } }
}

/** The message's id; null for a bearer. Who sends a signature is judged by it alone. */
function authorize(request: Request, secrets: string, text: string): string | null {
  const bearer = env.WEBHOOK_BEARER_SECRET
  if (bearer !== undefined && !request.headers.has('webhook-signature')) {
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
