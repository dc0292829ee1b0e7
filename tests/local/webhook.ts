import { randomUUID } from 'node:crypto'
import { signWebhook } from '../../lib/webhooks/standard.ts'
import { type Answer, call } from './request.ts'

type Handler = Parameters<typeof call>[0]

export type WebhookOptions = {
  /** A new one unless given. */
  id?: string
  /** Unix seconds; now unless given. */
  timestamp?: number
  /** What it is signed with: the first of the environment's unless given. */
  secrets?: string[]
}

/** The secrets of the three endpoints' senders. */
export const SENDER = {
  storage: process.env.AGENTCACHE_WEBHOOK_SECRET ?? '',
  internal: process.env.INTERNAL_WEBHOOK_SECRET ?? '',
}

/** The headers of a signed message. */
export function signedHeaders(
  body: string,
  {
    id = `msg_${randomUUID()}`,
    timestamp = Math.floor(Date.now() / 1000),
    secrets,
  }: WebhookOptions,
): Record<string, string> {
  return { ...signWebhook({ id, timestamp, body }, secrets ?? [SENDER.storage]) }
}

/** Sends a message to an endpoint as the other system would. */
// biome-ignore lint/complexity/useMaxParams: a call reads as the request it makes
export async function send(
  handler: Handler,
  path: string,
  body: unknown,
  options: WebhookOptions = {},
): Promise<Answer> {
  const text = JSON.stringify(body)
  return await call(handler, 'POST', path, { body: text, headers: signedHeaders(text, options) })
}
