import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Claims a data folder for this process until it ends, however it ends: others find a socket that somebody listens on.
 *
 * @throws Error when another process has it
 */
export async function claimFolder(folder: string): Promise<void> {
  const socket = socketOf(folder)
  if (await isAnswered(socket)) {
    throw new Error(`Another npm run dev uses ${folder} already; stop it first.`)
  }
  rmSync(socket, { force: true })
  const server = createServer((connection) => connection.destroy()).listen(socket)
  await once(server, 'listening')
  server.unref()
  process.once('exit', () => rmSync(socket, { force: true }))
}

/** Not in the folder itself: paths of sockets are limited to about 100 bytes. */
function socketOf(folder: string): string {
  const name = `jetty-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`)
}

async function isAnswered(socket: string): Promise<boolean> {
  const connection = connect(socket)
  try {
    await once(connection, 'connect')
    return true
  } catch {
    return false
  } finally {
    connection.destroy()
  }
}
