import { once } from 'node:events'
import { startChild } from '../child.ts'
import type { Leg, LegCounts } from '../distance.ts'
import type { Order } from './distance-main.ts'

export type DistanceChild = {
  /** Opens a leg and gives the `host:port` to use in place of the target. */
  add(leg: Leg): Promise<string>
  /** What went over the legs together since the start. */
  counts(addresses: string[]): Promise<LegCounts>
  stop(): Promise<void>
}

/** Runs the emulation in a process of its own. */
export async function startDistance(accessBitsPerSecond: number): Promise<DistanceChild> {
  const { process: child, stop } = await startChild('demo/distance-main.ts', {
    accessBitsPerSecond,
  })
  let last: Promise<unknown> = Promise.resolve()

  /** One order at a time: answers carry no names. */
  function ask(order: Order): Promise<unknown> {
    last = last.then(async () => {
      child.send(order)
      const [answer] = await once(child, 'message')
      return answer
    })
    return last
  }

  return {
    add: async (leg) => String(await ask({ add: leg })),
    counts: async (count) => sum((await ask({ count })) as LegCounts[]),
    stop,
  }
}

function sum(all: LegCounts[]): LegCounts {
  const total = { connections: 0, bytesUp: 0, bytesDown: 0, atMs: 0, lateMs: 0 }
  for (const counts of all) {
    total.connections += counts.connections
    total.bytesUp += counts.bytesUp
    total.bytesDown += counts.bytesDown
    total.atMs = counts.atMs
    total.lateMs = counts.lateMs
  }
  return total
}
