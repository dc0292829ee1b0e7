import { type RelayOptions, startRelays } from './edges.ts'

// Several relays in one process. Prints {"edges":[{id,url,port}]} when all of them listen.
const options: RelayOptions = JSON.parse(process.argv[2] ?? '{}')
const { edges } = await startRelays(options)
console.log(JSON.stringify({ edges }))
