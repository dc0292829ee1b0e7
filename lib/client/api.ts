import { backoffMs, retryAfterMs, wait } from './backoff.ts'
import { messageOf, refusal } from './failure.ts'
import type { ProblemDocument } from './wire.ts'

/** A function may run for 60 s; what takes longer than this will not answer. */
const CALL_TIMEOUT_MS = 90_000
const KNOCK_TIMEOUT_MS = 5_000
const ATTEMPTS_MAX = 8
/** A lost network comes back: with waits of up to 15 s these are about a day, as long as parts are waited for. */
const ATTEMPTS_MAX_AWAY = 8_000
/** A service that never answered is more likely misspelt than away. */
const ATTEMPTS_MAX_AT_FIRST = 4
/** Node's `fetch` keeps an unused connection for so long at least; browsers do much longer. */
const KEPT_MS = 2_500
/** A connection that is being opened for so long is open sooner than another one would be. */
const ALMOST_OPEN_MS = 150

export type ApiOptions = { url: string; apiKey: string; signal?: AbortSignal; attemptsMax?: number }

export type Api = {
  url: string
  /** Has a connection open for the next call, by asking for a page that no function makes where none was used lately. Never fails. */
  connect: () => Promise<void>
  /** How many requests went out, repeated ones included. */
  calls: () => number
  /** Sends JSON and gives the answer's JSON. */
  call: <T>(method: string, path: string, body?: unknown) => Promise<T>
  /** Sends JSON and gives the answer's JSON, without asking again: who asks can do without. */
  once: <T>(method: string, path: string, body?: unknown) => Promise<T>
  /** Sends JSON that nothing depends on: repeated once at most, not among `calls`, stopped by `until` alone. */
  tell: <T>(path: string, body: unknown, until: AbortSignal) => Promise<T>
  /** How many things were told. */
  reports: () => number
}

/**
 * The control plane as a function. A lost answer, 429 and 5xx are asked again with growing waits (at least what
 * `Retry-After` says): every call of the protocol may be repeated.
 *
 * @throws a refusal with its `problem` for any other status; the last network error when nothing answers
 */
export function createApi({ url, apiKey, signal, attemptsMax }: ApiOptions): Api {
  const base = url.replace(/\/+$/, '')
  let calls = 0
  let reports = 0
  let answered = false
  const door = createDoor(() => knock(base, signal))

  function allowed(isAway: boolean): number {
    const most = attemptsMax ?? (isAway ? ATTEMPTS_MAX_AWAY : ATTEMPTS_MAX)
    return answered ? most : Math.min(most, ATTEMPTS_MAX_AT_FIRST)
  }

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    await door.almostOpen(signal)
    for (let attempts = 0; ; attempts += 1) {
      calls += 1
      const result = await attempt<T>({ base, apiKey, method, path, body }, signal)
      answered ||= 'answer' in result || !result.isAway
      door.used()
      if ('answer' in result) return result.answer
      signal?.throwIfAborted()
      if (!result.heals || attempts + 1 >= allowed(result.isAway)) throw result.error
      await wait(Math.max(result.waitMs, backoffMs(attempts)), signal)
    }
  }

  async function once<T>(method: string, path: string, body?: unknown): Promise<T> {
    calls += 1
    const result = await attempt<T>({ base, apiKey, method, path, body }, signal)
    if ('answer' in result) return result.answer
    throw result.error
  }

  async function tell<T>(path: string, body: unknown, until: AbortSignal): Promise<T> {
    reports += 1
    for (let attempts = 0; ; attempts += 1) {
      const result = await attempt<T>({ base, apiKey, method: 'POST', path, body }, until)
      if ('answer' in result) return result.answer
      if (!result.heals || attempts > 0) throw result.error
      await wait(Math.max(result.waitMs, backoffMs(attempts)), until)
    }
  }

  const { connect } = door
  return { url: base, connect, calls: () => calls, call, once, tell, reports: () => reports }
}

/** What is known of the connection to the control plane. */
function createDoor(open: () => Promise<void>) {
  let usedAt = Number.NEGATIVE_INFINITY
  let opening: Promise<void> | undefined
  const used = () => {
    usedAt = performance.now()
  }
  return {
    used,
    connect: async () => {
      if (performance.now() - usedAt < KEPT_MS) return
      used()
      opening = open()
      await opening
      opening = undefined
      used()
    },
    almostOpen: async (signal: AbortSignal | undefined) => {
      if (!opening || performance.now() - usedAt < ALMOST_OPEN_MS) return
      await Promise.race([opening, wait(ALMOST_OPEN_MS, signal)])
    },
  }
}

async function knock(base: string, signal: AbortSignal | undefined): Promise<void> {
  const timeout = AbortSignal.timeout(KNOCK_TIMEOUT_MS)
  const until = signal ? AbortSignal.any([signal, timeout]) : timeout
  // After HEAD Node's `fetch` closes the connection, and with a body unread it does not use it again.
  await fetch(`${base}/`, { mode: 'no-cors', cache: 'no-store', signal: until })
    .then((page) => page.arrayBuffer())
    .catch(() => {})
  // Only in a later turn does it know the connection to be free.
  await wait(0)
}

type Call = { base: string; apiKey: string; method: string; path: string; body: unknown }

type Attempt<T> = { answer: T } | { error: Error; heals: boolean; isAway: boolean; waitMs: number }

async function attempt<T>(call: Call, until: AbortSignal | undefined): Promise<Attempt<T>> {
  try {
    return await send(call, until)
  } catch (cause) {
    const error = new Error(`${call.base} does not answer: ${messageOf(cause)}`, { cause })
    return { error, heals: true, isAway: true, waitMs: 0 }
  }
}

async function send<T>(
  { base, apiKey, method, path, body }: Call,
  until: AbortSignal | undefined,
): Promise<Attempt<T>> {
  const timeout = AbortSignal.timeout(CALL_TIMEOUT_MS)
  const response = await fetch(`${base}${path}`, {
    method,
    headers: headersOf(apiKey, body),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: until ? AbortSignal.any([until, timeout]) : timeout,
  })
  if (response.ok) return { answer: await response.json() }
  const error = refusal(await problemFrom(response))
  const heals = response.status === 429 || response.status >= 500
  const waitMs = retryAfterMs(response.headers.get('retry-after'))
  return { error, heals, isAway: false, waitMs }
}

function headersOf(apiKey: string, body: unknown): Record<string, string> {
  const headers = { authorization: `Bearer ${apiKey}`, accept: 'application/json' }
  return body === undefined ? headers : { ...headers, 'content-type': 'application/json' }
}

async function problemFrom(response: Response): Promise<ProblemDocument> {
  const text = await response.text()
  const fallback = {
    type: 'about:blank',
    status: response.status,
    detail: `${response.status} ${text.slice(0, 200)}`,
  }
  if (!response.headers.get('content-type')?.includes('json')) return fallback
  const parsed: unknown = JSON.parse(text)
  return isProblem(parsed) ? parsed : fallback
}

function isProblem(value: unknown): value is ProblemDocument {
  return typeof value === 'object' && value !== null && 'type' in value && 'status' in value
}
