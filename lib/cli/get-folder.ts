import { setMaxListeners } from 'node:events'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { messageOf, problemOf } from '../client/failure.ts'
import { filesUnder } from '../client/files.ts'
import { type DownloadOptions, downloadFile } from '../client/node/download.ts'
import type { FileEntry } from '../client/wire.ts'
import { EXIT } from './exit.ts'
import { note, say, sayJson, showBytes, showText } from './output.ts'

/** How many files are under way at once; each has its own ranges. */
const FILES_AT_ONCE = 8

/** What every file of the folder is fetched with. */
export type FolderOptions = Omit<DownloadOptions, 'fileId' | 'stored' | 'onProgress'>

type Tally = { fetched: number; kept: number; failed: number; bytes: number }

/**
 * Fetches every file whose path begins with `prefix` (it ends in `/`) into the folder `target`, keeping what follows the
 * prefix. A file that fails is named and does not stop the others; the same command goes on where it stopped.
 *
 * @throws the signal's reason when stopped, and where the key is not accepted
 */
export async function getFolder(
  prefix: string,
  options: FolderOptions,
  json: boolean,
): Promise<number> {
  const tally = { fetched: 0, kept: 0, failed: 0, bytes: 0 }
  const stored = filesUnder(options.api, prefix)
  // Every range under way listens to the one signal.
  setMaxListeners(0, options.signal)
  const worker = async () => {
    for (let next = await stored.next(); !next.done; next = await stored.next()) {
      options.signal.throwIfAborted()
      await getOne(next.value, { prefix, options, json, tally })
    }
  }
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, worker))

  const { fetched, kept, failed, bytes } = tally
  if (fetched + kept + failed === 0) throw new Error(`no file's path begins with ${prefix}`)
  const failures = failed > 0 ? `, ${failed} failed` : ''
  note(`${fetched} files fetched (${showBytes(bytes)}), ${kept} already there${failures}`)
  return failed > 0 ? EXIT.failed : EXIT.ok
}

type Work = { prefix: string; options: FolderOptions; json: boolean; tally: Tally }

async function getOne(stored: FileEntry, { prefix, options, json, tally }: Work): Promise<void> {
  try {
    const target = localPathOf(options.target, stored.path.slice(prefix.length))
    await mkdir(path.dirname(target), { recursive: true })
    const result = await downloadFile({ ...options, target, fileId: stored.fileId, stored })
    const { kept, ...shown } = result
    tally[kept ? 'kept' : 'fetched'] += 1
    tally.bytes += result.bytesReceived
    if (json) sayJson(shown)
    else say(showText(result.file))
  } catch (error) {
    if (options.signal.aborted || problemOf(error)?.status === 401) throw error
    tally.failed += 1
    note(`failed ${showText(stored.path)}: ${showText(messageOf(error))}`)
  }
}

/** Where a stored path lies under a folder. The path came from somewhere else: it must not lead out. */
export function localPathOf(folder: string, storedPath: string): string {
  const segments = storedPath.split('/')
  const isPlain = (segment: string) =>
    !['', '.', '..'].includes(segment) && !(path.sep === '\\' && /[\\:]/.test(segment))
  if (!segments.every(isPlain)) throw new Error('its path cannot be kept on this system')
  return path.join(folder, ...segments)
}
