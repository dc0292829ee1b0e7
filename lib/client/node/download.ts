import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Api } from '../api.ts'
import { createEngine } from '../engine.ts'
import type { Pauser } from '../pauser.ts'
import { createMeter, type Progress } from '../progress.ts'
import type { FileEntry } from '../wire.ts'
import type { DownloadAnswer } from '../wire-download.ts'
import { contentIdOfFile } from './content-id-of-file.ts'
import { createLink } from './download-link.ts'
import { fetchRange } from './fetch-range.ts'
import type { NodeTools } from './file-source.ts'
import { lock } from './lock.ts'
import { openPartFile, type PartFile } from './part-file.ts'

export type DownloadOptions = {
  api: Api
  tools: NodeTools
  fileId: string
  /** What is known of the file already; saves a call. */
  stored?: FileEntry
  /** A file, or a folder to which the stored name is added. */
  target: string
  /** Replaces a different file that is there. */
  force?: boolean
  signal: AbortSignal
  connections?: number
  directOnly?: boolean
  patienceMs?: number
  /** Bytes a second, at most. */
  bytesPerSecondMax?: number
  pauser?: Pauser
  onProgress?: (progress: Progress) => void
}

export type DownloadResult = {
  fileName: string
  path: string
  file: string
  fileSize: number
  fileHash: string
  fileId: string
  bytesReceived: number
  seconds: number
  functionCalls: number
  paths: Record<string, number>
  /** The file was there already, with this content. */
  kept: boolean
}

/**
 * Fetches a file's ranges over all paths at once into `<name>.jetty-part`, verifies the content id and renames. Nothing
 * but the whole, verified file ever has the final name; an interrupted fetch goes on where it stopped.
 *
 * @throws when another file has the name and `force` is not set, when something other than a file has it, when the
 * content differs from its id, when the disk is full; the signal's reason when stopped
 */
export async function downloadFile(options: DownloadOptions): Promise<DownloadResult> {
  const startedAt = performance.now()
  const { api, fileId } = options
  const stored = options.stored ?? (await entryOf(api, fileId))
  const file = await targetOf(options.target, stored)
  const kept = await isThere(file, stored, options)
  const moved = kept ? { paths: {}, bytes: 0 } : await fetchFile(file, stored, options)
  return {
    fileName: stored.fileName,
    path: stored.path,
    file,
    fileSize: stored.fileSize,
    fileHash: stored.fileHash,
    fileId,
    bytesReceived: moved.bytes,
    seconds: Math.round(performance.now() - startedAt) / 1000,
    functionCalls: api.calls(),
    paths: moved.paths,
    kept,
  }
}

async function entryOf(api: Api, fileId: string): Promise<FileEntry> {
  const query = new URLSearchParams({ fileId })
  return await api.call<FileEntry>('GET', `/api/storage/files?${query}`)
}

async function targetOf(target: string, { fileName }: FileEntry): Promise<string> {
  const stats = await stat(target).catch(() => undefined)
  const isFolder = stats?.isDirectory() || /[/\\]$/.test(target)
  if (!isFolder) return target
  // The stored name came from somewhere else: it must not lead out of the folder.
  const name = path.basename(fileName.replaceAll('\\', '/'))
  if (name === '' || name === '.' || name === '..')
    throw new Error('the file has no usable name; name one with -o')
  await mkdir(target, { recursive: true })
  return path.join(target, name)
}

async function isThere(
  file: string,
  stored: FileEntry,
  { force, tools, signal }: DownloadOptions,
): Promise<boolean> {
  const stats = await stat(file).catch(() => undefined)
  if (!stats) return false
  if (!stats.isFile()) throw new Error(`${file} is there and is no regular file`)
  const same =
    stats.size === stored.fileSize &&
    (await contentIdOfFile(file, { pool: tools.pool, signal })) === stored.fileHash
  if (!same && !force) throw new Error(`${file} is there and differs; --force replaces it`)
  return same
}

async function fetchFile(
  file: string,
  stored: FileEntry,
  options: DownloadOptions,
): Promise<{ paths: Record<string, number>; bytes: number }> {
  const { api, signal } = options
  // Two fetches into one part file would damage each other's, and what the first has finished.
  const unlock = await lock(`${file}.jetty-part.lock`)
  const part = await openPartFile(file, stored).catch(async (error) => {
    await unlock()
    throw error
  })
  try {
    const ask = new URLSearchParams({
      fileId: stored.fileId,
      ...(part.downloadId ? { downloadId: part.downloadId } : {}),
    })
    const first = await api.call<DownloadAnswer>('GET', `/api/storage/download?${ask}`)
    if (first.fileHash !== stored.fileHash)
      throw new Error('the file was replaced meanwhile; run the command again')
    await part.begin(first.downloadId)
    const meter = createMeter(options.onProgress)
    meter.expect(1, stored.fileSize)
    meter.skipped(stored.fileSize - part.missing().reduce((sum, { length }) => sum + length, 0))
    await fetchRanges({ part, first, meter, options })
    signal.throwIfAborted()
    if (await part.finish(file, options.tools.pool, signal)) {
      const { perPath } = meter.progress()
      return {
        paths: perPath,
        bytes: Object.values(perPath).reduce((sum, bytes) => sum + bytes, 0),
      }
    }
    throw new Error(
      'what arrived differs from the content id and was thrown away; run the command again',
    )
  } finally {
    await part.close()
    await unlock()
  }
}

function waysOf({ grant, edges, connections, direct }: DownloadAnswer) {
  return { edges: grant ? edges : [], connections, direct }
}

type Fetch = {
  part: PartFile
  first: DownloadAnswer
  meter: ReturnType<typeof createMeter>
  options: DownloadOptions
}

async function fetchRanges({ part, first, meter, options }: Fetch): Promise<void> {
  const ranges = part.missing()
  if (ranges.length === 0) return
  const { signal } = options
  const engine = createEngine({
    onBytes: meter.moved,
    connectionsMax: options.connections,
    directOnly: options.directOnly,
    patienceMs: options.patienceMs,
    bytesPerSecondMax: options.bytesPerSecondMax,
    pauser: options.pauser,
  })
  const link = createLink(options.api, first, (answer) => engine.use(waysOf(answer)))
  let left = ranges.length
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      engine.add(
        ranges.map((range) => ({
          bytes: range.length,
          wanted: () => true,
          giveUp: reject,
          run: async (flight) => {
            await fetchRange({ range, flight, link, part, sender: options.tools.sender })
            left -= 1
            if (left === 0) resolve()
          },
        })),
      )
      engine.use(waysOf(first))
    })
  } finally {
    engine.stop(signal.reason ?? new Error('finished'))
  }
}
