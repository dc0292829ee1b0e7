import type { Flags } from './command.ts'
import { usageError } from './exit.ts'
import { sizeOf } from './size.ts'

/**
 * `--limit RATE` in bytes a second, undefined where it is not given.
 *
 * @throws a usage error for what is no size, and for nothing at all
 */
export function limitOf({ limit }: Flags): number | undefined {
  if (limit === undefined) return undefined
  const bytes = sizeOf(limit.replace(/\/s$/, ''), '--limit')
  if (bytes < 1) throw usageError('--limit takes at least one byte a second.')
  return bytes
}
