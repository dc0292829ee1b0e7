import { createSocket } from 'node:dgram'

// Sends every datagram back: what the probe talks to.
const { host, port }: { host: string; port: number } = JSON.parse(process.argv[2] ?? '{}')
const socket = createSocket('udp4')
socket.on('message', (message, from) => socket.send(message, from.port, from.address))
socket.bind(port, host, () => process.send?.({ port }))
