import { type BigIntStats, readSync } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { layoutOf } from '../../content/layout.ts'
import { CHANGED_MESSAGE, type Source } from '../source.ts'
import type { HashPool } from './hash-pool.ts'
import type { Sender } from './send-part.ts'

export type NodeTools = { pool: HashPool; sender: Sender }

/**
 * A file on disk, read by position. It counts as changed when its size, its time of change or its inode differs from
 * `found`, what the directory walk saw.
 */
export function fileSource(file: string | Buffer, found: BigIntStats, tools: NodeTools): Source {
  const size = Number(found.size)
  const before = fingerprintOf(found)
  let opened: Promise<FileHandle> | undefined
  let users = 0

  /** Open while somebody reads: a number given to the next file too early would have its bytes sent as this one's. */
  async function withHandle<T>(use: (fd: number) => Promise<T>): Promise<T> {
    users += 1
    try {
      opened ??= open(file, 'r')
      const { fd } = await opened
      return await use(fd)
    } finally {
      users -= 1
      if (users === 0) await release()
    }
  }

  async function release(): Promise<void> {
    const closing = opened
    opened = undefined
    await closing?.then((held) => held.close()).catch(() => {})
  }

  async function changed(): Promise<boolean> {
    const now = await stat(file, { bigint: true }).catch(() => undefined)
    return now === undefined || fingerprintOf(now) !== before
  }

  return {
    size,
    changed,
    digest: async (options) => {
      const digests = await withHandle((fd) => tools.pool.digest(fd, layoutOf(size), options))
      if (await changed()) throw new Error(CHANGED_MESSAGE)
      return digests
    },
    read: (offset, length) => withHandle((fd) => readSome(fd, offset, length)),
    send: (request) => withHandle((fd) => tools.sender.put({ ...request, fd })),
  }
}

/** So little is read sooner than another thread hears of it. */
async function readSome(
  fd: number,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length)
  return bytes.subarray(0, readSync(fd, bytes, 0, length, offset))
}

function fingerprintOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string {
  return [size, mtimeNs, ctimeNs, ino].join('-')
}
