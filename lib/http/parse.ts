import { Problem } from '../problem.ts'
import * as z from '../vendor/zod.js'

// zod/mini comes without words; these say which rule was broken.
z.config(z.en())

/** What Vercel accepts of a request body, in bytes. */
export const BODY_BYTES_MAX = 4_500_000

/** So many faults are told at once; a body has room for a million. */
const ERRORS_MAX = 20
const POINTER_STEP_CHARS_MAX = 64

/** What `safeParse` takes, by what it gives. */
export type Schema<T> = { _zod: { output: T } } & Parameters<typeof z.safeParse>[0]

/**
 * The request's JSON body, checked against a schema.
 *
 * @throws Problem `invalid-request` with a JSON pointer for each of the first 20 faults, `too-large` above 4.5 MB
 */
export async function parseBody<T>(request: Request, schema: Schema<T>): Promise<T> {
  const text = await request.text()
  if (text.length > BODY_BYTES_MAX) {
    throw new Problem(
      'too-large',
      `A request body may have ${BODY_BYTES_MAX} bytes; split the batch.`,
    )
  }
  return parseValue(parseJson(text), schema)
}

/**
 * A text as JSON.
 *
 * @throws Problem `invalid-request`
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Problem('invalid-request', 'The body is not JSON.', { cause })
  }
}

/**
 * The request's query string, checked against a schema; repeated names keep the last value.
 *
 * @throws Problem `invalid-request`
 */
export function parseQuery<T>(request: Request, schema: Schema<T>): T {
  return parseValue(Object.fromEntries(new URL(request.url).searchParams), schema)
}

/**
 * A value of the outside world, checked against a schema.
 *
 * @throws Problem `invalid-request`
 */
export function parseValue<T>(value: unknown, schema: Schema<T>): T {
  const parsed = z.safeParse(schema, value)
  if (parsed.success) return parsed.data as T

  throw refusalOf(parsed.error.issues)
}

/** The members of a batch, each checked on its own: a bad one becomes its problem and the others go on. */
export function parseEach<T>(values: readonly unknown[], schema: Schema<T>): (T | Problem)[] {
  return values.map((value) => {
    const parsed = z.safeParse(schema, value)
    return parsed.success ? (parsed.data as T) : refusalOf(parsed.error.issues)
  })
}

type Issue = { path: PropertyKey[]; message: string }

function refusalOf(issues: readonly Issue[]): Problem {
  const errors = issues.slice(0, ERRORS_MAX).map(({ path, message }) => ({
    pointer: path
      .map((step) => `/${escapePointer(String(step).slice(0, POINTER_STEP_CHARS_MAX))}`)
      .join(''),
    detail: message,
  }))
  const [first] = errors
  return new Problem('invalid-request', `${first?.pointer || 'The request'}: ${first?.detail}`, {
    errors,
  })
}

/** RFC 6901, section 3. */
function escapePointer(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1')
}
