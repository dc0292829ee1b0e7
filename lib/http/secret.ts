import { createHash, timingSafeEqual } from 'node:crypto'
import { Problem } from '../problem.ts'

/**
 * Lets a request pass that carries a shared secret as its bearer; compared in constant time.
 *
 * @throws Problem `unauthorized`
 */
export function requireSecret(request: Request, secret: string): void {
  const given = request.headers.get('authorization') ?? ''
  if (!timingSafeEqual(digest(given), digest(`Bearer ${secret}`))) {
    throw new Problem('unauthorized', 'This endpoint takes its own secret as the bearer.')
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
