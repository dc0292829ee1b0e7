import type { ProblemDocument } from './wire.ts'

/**
 * What becomes of a piece whose transfer failed: `elsewhere` blames the path and tries another, `again` blames nobody
 * (an expired signature, a connection closed while idle), `never` gives the file up.
 */
export type Retry = 'elsewhere' | 'again' | 'never'

export type Failure = Error & {
  retry: Retry
  waitMs: number
  /** Nobody answered: the path, or the network, is away. */
  away: boolean
  /** The other side asked to slow down (429, 503). */
  throttled: boolean
}

type FailureOptions = { waitMs?: number; cause?: unknown; away?: boolean; throttled?: boolean }

/** An error that says how to go on; `waitMs` is the least wait that the other side asked for. */
export function failure(
  message: string,
  retry: Retry,
  { waitMs = 0, cause, away = false, throttled = false }: FailureOptions = {},
): Failure {
  return Object.assign(new Error(message, { cause }), { retry, waitMs, away, throttled })
}

/** Whatever was thrown, as a failure; what is not one is not retried. */
export function failureOf(thrown: unknown): Failure {
  if (isFailure(thrown)) return thrown
  return failure(messageOf(thrown), 'never', { cause: thrown })
}

/** A refusal of the control plane, with its problem document (RFC 9457). */
export type Refusal = Error & { problem: ProblemDocument }

/** An error made of a problem document. */
export function refusal(problem: ProblemDocument): Refusal {
  return Object.assign(new Error(problem.detail ?? problem.title ?? problem.type), { problem })
}

/** The problem document of a refusal, or undefined for any other error. */
export function problemOf(thrown: unknown): ProblemDocument | undefined {
  return isRefusal(thrown) ? thrown.problem : undefined
}

/** The last segment of a problem's type: `quota-exceeded`. */
export function slugOf(problem: ProblemDocument): string {
  return problem.type.split('/').pop() ?? problem.type
}

/** An error's message with its network code where it has one (`connect ECONNREFUSED 127.0.0.1:1`). */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const { cause } = thrown
  if (thrown.message === 'fetch failed' && cause instanceof Error) return messageOf(cause)
  if (thrown.message) return thrown.message
  return 'code' in thrown ? String(thrown.code) : thrown.name
}

function isFailure(thrown: unknown): thrown is Failure {
  return thrown instanceof Error && 'retry' in thrown && 'waitMs' in thrown && 'away' in thrown
}

function isRefusal(thrown: unknown): thrown is Refusal {
  return thrown instanceof Error && 'problem' in thrown
}
