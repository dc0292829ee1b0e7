/** The exit codes of the command line (docs/cli.md). */
export const EXIT = { ok: 0, failed: 1, usage: 2, auth: 3, interrupted: 130 } as const

/** An error that ends the command with a code of its own. */
export type ExitError = Error & { exitCode: number }

/** The command was not understood, or cannot run as things stand. */
export function usageError(message: string, cause?: unknown): ExitError {
  return Object.assign(new Error(message, { cause }), { exitCode: EXIT.usage })
}

/** What a signal leaves behind. */
export function interruption(): ExitError {
  return Object.assign(new Error('Interrupted.'), { exitCode: EXIT.interrupted })
}

/** The code that an error names itself, or undefined. */
export function exitCodeOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('exitCode' in thrown)) return undefined
  return typeof thrown.exitCode === 'number' ? thrown.exitCode : undefined
}
