import './preload.ts'
import { once } from 'node:events'
import { startFunctions } from './functions.ts'
import type { FunctionStats } from './functions-stats.ts'
import { countNetworkBytes } from './network-bytes.ts'

// The functions in a process of their own; its environment is the deployment's. Says {"url","port"} when it serves, and
// answers the message "stats" with what it has used so far. With {"standby":true} it says so when it is loaded, and
// listens only after the next message: then its predecessor has left the port.
const networkBytes = countNetworkBytes()
const { standby, ...options } = JSON.parse(process.argv[2] ?? '{}')
if (standby) {
  process.send?.({ standby })
  await once(process, 'message')
}
const functions = await startFunctions(options)

process.on('message', (message) => {
  if (message !== 'stats') return
  const { rss, heapUsed, external } = process.memoryUsage()
  const stats: FunctionStats = {
    memory: { rss, heapUsed, external },
    network: networkBytes(),
    calls: Object.fromEntries(functions.calls),
  }
  process.send?.(stats)
})
process.on('SIGTERM', () => void functions.stop().then(() => process.exit()))
process.send?.({ url: functions.url, port: functions.port })
