import { createSocket } from 'node:dgram'

/** As often as a call or a game sends, and too little to be in anybody's way. */
const EVERY_MS = 50

// Other traffic on the client's line: small datagrams to an echo at the store's distance. A message is answered with the
// round trips in ms since the last one, each with when it began (ms since 1970). A lost datagram is not among them.
const { host, port }: { host: string; port: number } = JSON.parse(process.argv[2] ?? '{}')
let roundTrips: { at: number; ms: number }[] = []
const socket = createSocket('udp4')
socket.on('message', (message) => {
  const ms = performance.now() - message.readDoubleLE(0)
  roundTrips.push({ at: Date.now() - ms, ms })
})
socket.bind(0, () => process.send?.({ host, port }))
setInterval(() => {
  const message = Buffer.alloc(64)
  message.writeDoubleLE(performance.now(), 0)
  socket.send(message, port, host)
}, EVERY_MS)

process.on('message', () => {
  process.send?.({ roundTrips })
  roundTrips = []
})
