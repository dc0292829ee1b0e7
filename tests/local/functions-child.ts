import { once } from 'node:events'
import { startChild } from './child.ts'
import type { FunctionStats } from './functions-stats.ts'

export type FunctionsChild = { url: string; stats(): Promise<FunctionStats>; stop(): Promise<void> }

/** Runs the functions in a process of their own, whose environment is the deployment's. */
export async function startFunctionsChild(
  env: Record<string, string>,
  port?: number,
): Promise<FunctionsChild> {
  const { process: child, ready, stop } = await startChild('functions-main.ts', { port }, env)
  return {
    url: String(ready.url),
    async stats() {
      child.send('stats')
      const [stats] = await once(child, 'message')
      return stats
    },
    stop,
  }
}
