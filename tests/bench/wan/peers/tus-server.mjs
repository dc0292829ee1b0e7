import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

// tus speaks to a server of its own: it stands where the store does, and writes to the same kind of disk.
const { host, port, directory } = JSON.parse(process.argv[2] ?? '{}')
const datastore = new FileStore({ directory })
const server = new Server({ path: '/files', datastore, relativeLocation: true })
server.listen({ host, port }, () => process.send?.({ port }))
