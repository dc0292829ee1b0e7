import { type RelayOptions, startRelays } from './edges.ts'

// Several relays in one process. Says {"edges":[{id,url,port,seed}]} when all of them listen. A message is the address of a
// deployment: from then on they send it heartbeats.
const options: RelayOptions = JSON.parse(process.argv[2] ?? '{}')
const { edges, speakTo } = await startRelays(options)
process.on('message', (controlUrl) => speakTo(String(controlUrl)))
process.send?.({ edges })
