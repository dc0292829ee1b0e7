import { type RelayOptions, startRelays } from './edges.ts'

// Several relays in one process. Says {"edges":[{id,url,port}]} when all of them listen.
const options: RelayOptions = JSON.parse(process.argv[2] ?? '{}')
const { edges } = await startRelays(options)
process.send?.({ edges })
