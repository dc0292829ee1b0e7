import { once } from 'node:events'
import { type Child, startChild } from './child.ts'
import type { FunctionsOptions } from './functions.ts'
import type { FunctionStats } from './functions-stats.ts'

export type FunctionsChild = {
  url: string
  /** What the process has used since it began, or began anew. */
  stats(): Promise<FunctionStats>
  /** Replaces the process by another at the same address, with the code as it is now. */
  reload(): Promise<void>
  stop(): Promise<void>
}

/**
 * Runs the functions in a process of their own, whose environment is the deployment's. When it ends by itself, another
 * takes its place, as on the platform.
 */
export async function startFunctionsChild(
  env: Record<string, string>,
  options: FunctionsOptions = {},
): Promise<FunctionsChild> {
  let current = await startChild('functions-main.ts', options, env)
  const again = { ...options, port: Number(current.ready.port), standby: true }
  let starting = Promise.resolve()
  let wanted = true

  const replace = async (old: Child) => {
    if (!wanted || old !== current) return
    const next = await startChild('functions-main.ts', again, env)
    current = next
    await old.stop()
    next.process.send('listen')
    await once(next.process, 'message')
    replaceWhenEnded(next)
  }
  const reload = () => {
    starting = starting.then(() => replace(current)).catch((error) => console.error(error))
    return starting
  }
  const replaceWhenEnded = (child: Child) => {
    child.process.once('exit', () => void (wanted && child === current && reload()))
  }
  replaceWhenEnded(current)
  return {
    url: String(current.ready.url),
    async stats() {
      current.process.send('stats')
      const [stats] = await once(current.process, 'message')
      return stats
    },
    reload,
    async stop() {
      wanted = false
      await starting
      await current.stop()
    },
  }
}
