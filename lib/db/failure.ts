const UNIQUE_VIOLATION = '23505'

/** Whether a failed statement broke this unique index; drizzle wraps a single statement's error, but not a batch's. */
export function isUniqueViolation(error: unknown, index: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && cause.code === UNIQUE_VIOLATION)
      return 'constraint' in cause && cause.constraint === index
  }
  return false
}
