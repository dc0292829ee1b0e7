import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Functions } from './functions.ts'
import type { Truth } from './truth.ts'

const EVERY_MS = 1_500
const NANOSECONDS = 1e6

export type Watched = {
  /** How often all accounts' figures were looked at, and what was wrong then. */
  looks: number
  wrong: string[]
  /** Resident memory of the functions' process in bytes: at the first look, the most, at the last. */
  memory: { first: number; most: number; last: number }
  /** How late this process's timers were, in ms: clients, proxies and the local services' fronts run in it. */
  lagMs: { p50: number; p99: number; max: number }
}

type Watching = {
  truth: Truth
  functions: Functions
  /** Users whose quota never shrinks. */
  withinQuota: string[]
  isReplacing: () => boolean
}

/** While the run lasts: looks whether every account's figures are right at that moment, ages things, and measures. */
export async function watch(watching: Watching, isOver: () => boolean): Promise<Watched> {
  const { truth, functions, withinQuota, isReplacing } = watching
  const lag = monitorEventLoopDelay({ resolution: 10 })
  lag.enable()
  const wrong: string[] = []
  const watched = { looks: 0, wrong, memory: { first: 0, most: 0, last: 0 } }
  while (!isOver()) {
    watched.wrong.push(...(await truth.wrongUsage(withinQuota)))
    watched.looks += 1
    await truth.ageSome()
    if (!isReplacing()) noteMemory(watched.memory, (await functions.stats())?.memory.rss)
    await sleep(EVERY_MS)
  }
  lag.disable()
  const ms = (nanoseconds: number) => Math.round(nanoseconds / NANOSECONDS)
  const lagMs = { p50: ms(lag.percentile(50)), p99: ms(lag.percentile(99)), max: ms(lag.max) }
  return { ...watched, lagMs }
}

function noteMemory(memory: Watched['memory'], rss: number | undefined): void {
  if (rss === undefined) return
  memory.first ||= rss
  memory.most = Math.max(memory.most, rss)
  memory.last = rss
}
