import { createDistance, type Leg } from '../distance.ts'

/** What the process is told; each message is answered in turn. */
export type Order = { add: Leg } | { count: string[] }

// The emulation in a process of its own: its work must not slow down what is measured. Says {} when it takes orders.
const { accessBitsPerSecond }: { accessBitsPerSecond: number } = JSON.parse(process.argv[2] ?? '{}')
const distance = createDistance(accessBitsPerSecond)

process.on('message', (order: Order) => void answer(order))
process.send?.({})

async function answer(order: Order): Promise<void> {
  if ('add' in order) process.send?.(await distance.add(order.add))
  else process.send?.(order.count.map((address) => distance.counts(address)))
}
