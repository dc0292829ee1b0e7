import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { FileEntry } from '../wire.ts'
import { contentIdOfFile } from './content-id-of-file.ts'
import type { HashPool } from './hash-pool.ts'
import { openPartState } from './part-state.ts'

const RANGE_BYTES = 4 * 1024 * 1024
const RANGES_MAX = 8192

/** Bytes to fetch, and how often they were refused. */
export type ByteRange = { index: number; offset: number; length: number; refusals: number }

export type PartFile = {
  fileSize: number
  /** The download that the state belongs to, when there is one to go on with. */
  downloadId: string | undefined
  begin: (downloadId: string) => Promise<void>
  missing: () => ByteRange[]
  write: (bytes: Buffer, position: number) => Promise<void>
  have: (range: ByteRange) => void
  /** Gives the file its name if it has the right content; else throws it away and answers false. */
  finish: (file: string, pool: HashPool, signal: AbortSignal) => Promise<boolean>
  /** Saves what is there and lets go. */
  close: () => Promise<void>
}

/**
 * `<file>.jetty-part` and, beside it, `<file>.jetty-part.json`: which ranges of it are there. Both of another file, or
 * of another version of it, are begun anew.
 */
export async function openPartFile(file: string, stored: FileEntry): Promise<PartFile> {
  const { fileSize } = stored
  const name = `${file}.jetty-part`
  const rangeBytes = rangeBytesOf(fileSize)
  const count = Math.ceil(fileSize / rangeBytes)
  const existing = await open(name, 'r+').catch(() => undefined)
  const version = { fileId: stored.fileId, fileHash: stored.fileHash, rangeBytes }
  const state = await openPartState(`${name}.json`, {
    version,
    count,
    fresh: existing === undefined,
  })
  const handle = existing ?? (await open(name, 'w+'))
  let closed = false

  async function close(): Promise<void> {
    if (closed) return
    closed = true
    await handle.close()
  }

  return {
    fileSize,
    downloadId: state.downloadId(),
    begin: async (downloadId) => {
      await handle.truncate(fileSize)
      await state.begin(downloadId)
    },
    missing: () => state.missing().map((index) => rangeOf(index, rangeBytes, fileSize)),
    write: (bytes, position) => writeAll(handle, bytes, position),
    have: ({ index }) => state.have(index),
    finish: async (final, pool, signal) => {
      await state.end()
      const same = (await contentIdOfFile(name, { pool, signal })) === stored.fileHash
      if (same) await handle.sync()
      await close()
      if (same) await rename(name, final)
      else await rm(name, { force: true })
      await state.forget()
      return same
    },
    close: async () => {
      if (!closed) await state.end().catch(() => {})
      await close()
    },
  }
}

function rangeBytesOf(fileSize: number): number {
  return Math.max(1, Math.ceil(fileSize / RANGES_MAX / RANGE_BYTES)) * RANGE_BYTES
}

function rangeOf(index: number, rangeBytes: number, fileSize: number): ByteRange {
  const offset = index * rangeBytes
  return { index, offset, length: Math.min(rangeBytes, fileSize - offset), refusals: 0 }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}
