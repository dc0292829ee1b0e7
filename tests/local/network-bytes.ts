import { subscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'

/** Node publishes each new connection here, incoming and outgoing (`node:diagnostics_channel`, "Built-in Channels"). */
const CHANNELS = ['net.server.socket', 'net.client.socket']

export type NetworkBytes = { bytesRead: number; bytesWritten: number }

/** Counts from now on the bytes over all sockets of this process. */
export function countNetworkBytes(): () => NetworkBytes {
  const open = new Set<Socket>()
  const closed: NetworkBytes = { bytesRead: 0, bytesWritten: 0 }
  const follow = (message: unknown) => {
    const { socket } = message as { socket?: unknown }
    if (!(socket instanceof Socket)) return
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      add(closed, socket)
    })
  }
  for (const channel of CHANNELS) subscribe(channel, follow)
  return () => {
    const total = { ...closed }
    for (const socket of open) add(total, socket)
    return total
  }
}

function add(total: NetworkBytes, { bytesRead, bytesWritten }: Socket): void {
  total.bytesRead += bytesRead
  total.bytesWritten += bytesWritten
}
