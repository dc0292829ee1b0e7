/** Writes one JSON line to the platform's log. Never pass secrets, signatures or whole URLs. */
export function log(
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Record<string, unknown> = {},
): void {
  const line = JSON.stringify({ level, message, ...fields })
  if (level === 'error') console.error(line)
  else console.log(line)
}

const MESSAGE_CHARS_MAX = 500

/** What the log keeps of an error: its message without a statement's parameters, its places, its causes. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: shorten(String(error)) }
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) }
  const places = error.stack?.split('\n').filter((line) => line.startsWith('    at '))
  return { error: shorten(error.message), name: error.name, places, ...cause }
}

function shorten(message: string): string {
  const [withoutParameters = ''] = message.split('\nparams:')
  return withoutParameters.slice(0, MESSAGE_CHARS_MAX)
}
