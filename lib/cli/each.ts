import { messageOf, problemOf } from '../client/failure.ts'
import { EXIT } from './exit.ts'
import { note, showText } from './output.ts'

/**
 * Does the same to each argument. What fails is named on stderr and does not stop the others; an interruption and a key
 * that is not accepted do.
 */
export async function each(
  args: string[],
  signal: AbortSignal,
  act: (arg: string) => Promise<void>,
): Promise<number> {
  let failed = 0
  for (const arg of args) {
    try {
      await act(arg)
    } catch (error) {
      if (signal.aborted || problemOf(error)?.status === 401) throw error
      failed += 1
      note(`failed ${showText(arg)}: ${showText(messageOf(error))}`)
    }
  }
  return failed > 0 ? EXIT.failed : EXIT.ok
}
