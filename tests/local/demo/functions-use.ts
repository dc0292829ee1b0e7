import type { FunctionStats } from '../functions-stats.ts'

/** Memory and traffic of the processes that run the functions, in bytes. */
export type FunctionsUse = { processes: number; memory: number; traffic: number; calls: number }

/** What the functions' processes used together; services and clients both count as traffic, each way. */
export function addUp(all: FunctionStats[]): FunctionsUse {
  const use = { processes: all.length, memory: 0, traffic: 0, calls: 0 }
  for (const { memory, network, calls } of all) {
    use.memory += memory.rss
    use.traffic += network.bytesRead + network.bytesWritten
    use.calls += Object.values(calls).reduce((sum, count) => sum + count, 0)
  }
  return use
}
