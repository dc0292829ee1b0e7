import { usageError } from './exit.ts'

const POWERS = ['', 'k', 'm', 'g', 't']

/**
 * Bytes as people write them: `4096`, `10GB` (10^9), `1.5GiB` (2^30), `10G` as `10GB`.
 *
 * @throws a usage error for anything else
 */
export function sizeOf(text: string, flag = '--size'): number {
  const [, number, letter = '', binary] =
    /^(\d+(?:\.\d+)?) ?(?:([kmgt])(i?)b?|b)?$/i.exec(text.trim()) ?? []
  const bytes = Math.round(
    Number(number) * (binary ? 1024 : 1000) ** POWERS.indexOf(letter.toLowerCase()),
  )
  if (Number.isSafeInteger(bytes)) return bytes
  throw usageError(`${flag} takes bytes, or a size like 500MB, 10GB or 1.5GiB, not '${text}'.`)
}
