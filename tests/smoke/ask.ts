import { randomUUID } from 'node:crypto'
import type { Api } from '../../lib/client/api.ts'
import { backoffMs, retryAfterMs, wait } from '../../lib/client/backoff.ts'
import { messageOf, refusal } from '../../lib/client/failure.ts'
import { signWebhook } from '../../lib/webhooks/standard.ts'
import type { Target } from './target.ts'

/** A cold start or a moment's outage is no failure: every call may be repeated. */
const ATTEMPTS_MAX = 3
const TIMEOUT_MS = 60_000
const WAIT_MS_MAX = 10_000

export type Ask = {
  /** Sent as the bearer. */
  as?: string
  body?: unknown
  /** Signs the body as a Standard Webhook, under one id however often it is tried. */
  secret?: string
  signal?: AbortSignal
}

// biome-ignore lint/suspicious/noExplicitAny: a step says what it expects of an answer by looking into it
export type Answer = { status: number; body: any }

/** A deployment as a function: any answer that was not made by a failing server, whatever its status. */
export type Caller = (method: string, path: string, ask?: Ask) => Promise<Answer>

/** Calls a deployment; the bypass secret goes with every call to it, and to nobody else. */
export function callerOf({ url, bypass }: Target): Caller {
  return async (method, path, { as, body, secret, signal } = {}) => {
    const text = body === undefined ? null : JSON.stringify(body)
    const id = `msg_${randomUUID()}`
    for (let attempts = 1; ; attempts += 1) {
      const headers = new Headers({ accept: 'application/json' })
      if (bypass) headers.set('x-vercel-protection-bypass', bypass)
      if (as) headers.set('authorization', `Bearer ${as}`)
      if (text !== null) headers.set('content-type', 'application/json')
      if (secret) for (const [k, v] of signed(id, text ?? '', secret)) headers.set(k, v)
      const timeout = AbortSignal.timeout(TIMEOUT_MS)
      const response = await fetch(`${url}${path}`, {
        method,
        headers,
        body: text,
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      }).catch((cause) => {
        signal?.throwIfAborted()
        if (attempts < ATTEMPTS_MAX) return null
        throw new Error(`${method} ${path}: ${url} does not answer: ${messageOf(cause)}`, { cause })
      })
      const mayHeal = response === null || response.status === 429 || response.status >= 500
      if (response !== null && (!mayHeal || attempts >= ATTEMPTS_MAX)) return answerOf(response)
      const asked = retryAfterMs(response?.headers.get('retry-after'))
      await wait(Math.min(WAIT_MS_MAX, Math.max(asked, backoffMs(attempts))), signal)
    }
  }
}

/**
 * The body of an answer of 2xx.
 *
 * @throws a refusal that says what was asked and what was answered
 */
// biome-ignore lint/suspicious/noExplicitAny: as Answer
export async function need(asking: Promise<Answer>, what: string): Promise<any> {
  const { status, body } = await asking
  if (status >= 200 && status < 300) return body
  const { type = 'about:blank', detail = hint(status, body) } = Object(body)
  throw refusal({ type, status, detail: `${what} answered ${status}: ${detail}` })
}

/** The deployment as the transfer engine calls it, as one account. */
export function apiOf(call: Caller, { url, as }: { url: string; as: string }): Api {
  let calls = 0
  let reports = 0
  async function once<T>(method: string, path: string, body?: unknown): Promise<T> {
    calls += 1
    return await need(call(method, path, { as, body }), `${method} ${path}`)
  }
  return {
    url,
    connect: async () => {},
    calls: () => calls,
    reports: () => reports,
    call: once,
    once,
    tell: async (path, body, signal) => {
      reports += 1
      return await need(call('POST', path, { as, body, signal }), `POST ${path}`)
    },
  }
}

function signed(id: string, body: string, secret: string): [string, string][] {
  const timestamp = Math.floor(Date.now() / 1000)
  return Object.entries(signWebhook({ id, timestamp, body }, [secret]))
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, body: isJson ? JSON.parse(text) : text }
}

function hint(status: number, body: unknown): string {
  const isProtected = typeof body === 'string' && (status === 401 || status === 302)
  if (isProtected) return 'not from JettySpeed; a protected preview needs --bypass'
  return typeof body === 'string' ? body.slice(0, 120) : 'no reason given'
}
