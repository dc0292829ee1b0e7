import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createBitmap } from '../bitmap.ts'
import type { FileEntry } from '../wire.ts'
import { contentIdOfFile } from './content-id-of-file.ts'
import type { HashPool } from './hash-pool.ts'

const RANGE_BYTES = 4 * 1024 * 1024
const RANGES_MAX = 8192
/** The state follows the bytes at this distance, in ms; what it lacks is fetched again. */
const SAVE_EVERY_MS = 500

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

type State = {
  fileId: string
  fileHash: string
  rangeBytes: number
  downloadId: string
  have: string
}

/**
 * `<file>.jetty-part` and, beside it, `<file>.jetty-part.json`: which ranges of it are there. Both of another file, or
 * of another version of it, are begun anew.
 */
export async function openPartFile(file: string, stored: FileEntry): Promise<PartFile> {
  const partName = `${file}.jetty-part`
  const stateName = `${partName}.json`
  const rangeBytes = Math.max(
    RANGE_BYTES,
    Math.ceil(stored.fileSize / RANGES_MAX / RANGE_BYTES) * RANGE_BYTES,
  )
  const count = Math.ceil(stored.fileSize / rangeBytes)
  const state = await readState(stateName, { ...stored, rangeBytes })
  const handle = await openExisting(partName, state !== undefined && stored.fileSize > 0)
  const bitmap = createBitmap(count, handle.resumed ? state?.have : undefined)
  let downloadId = handle.resumed ? state?.downloadId : undefined
  let saving: Promise<void> = Promise.resolve()
  let timer: ReturnType<typeof setTimeout> | undefined
  let finished = false

  function save(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const { fileId, fileHash } = stored
    const text = JSON.stringify({ fileId, fileHash, rangeBytes, downloadId, have: bitmap.toText() })
    saving = saving.then(() => replaceFile(stateName, text))
    return saving
  }

  return {
    fileSize: stored.fileSize,
    downloadId,
    begin: async (id) => {
      downloadId = id
      await handle.file.truncate(stored.fileSize)
      await save()
    },
    missing: () =>
      bitmap.missing().map((index) => {
        const offset = index * rangeBytes
        return {
          index,
          offset,
          length: Math.min(rangeBytes, stored.fileSize - offset),
          refusals: 0,
        }
      }),
    write: async (bytes, position) => writeAll(handle.file, bytes, position),
    have: ({ index }) => {
      bitmap.add(index)
      timer ??= setTimeout(() => void save(), SAVE_EVERY_MS)
    },
    finish: async (name, pool, signal) => {
      await saving
      const same = (await contentIdOfFile(partName, { pool, signal })) === stored.fileHash
      finished = true
      clearTimeout(timer)
      if (same) await handle.file.sync()
      await handle.file.close()
      if (same) await rename(partName, name)
      else await rm(partName, { force: true })
      await rm(stateName, { force: true })
      return same
    },
    close: async () => {
      if (finished) return
      if (downloadId) await save().catch(() => {})
      await handle.file.close()
    },
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

async function openExisting(
  name: string,
  resume: boolean,
): Promise<{ file: FileHandle; resumed: boolean }> {
  const existing = resume ? await open(name, 'r+').catch(() => undefined) : undefined
  if (existing) return { file: existing, resumed: true }
  return { file: await open(name, 'w+'), resumed: false }
}

async function readState(
  name: string,
  wanted: { fileId: string; fileHash: string; rangeBytes: number },
): Promise<State | undefined> {
  try {
    const state: State = JSON.parse(await readFile(name, 'utf8'))
    const same =
      state.fileId === wanted.fileId &&
      state.fileHash === wanted.fileHash &&
      state.rangeBytes === wanted.rangeBytes
    return same ? state : undefined
  } catch {
    return undefined
  }
}

/** A kill in the middle leaves the old state. */
async function replaceFile(name: string, text: string): Promise<void> {
  await writeFile(`${name}.new`, text)
  await rename(`${name}.new`, name)
}
