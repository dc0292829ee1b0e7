import type { BigIntStats, Dirent } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '../failure.ts'
import { joinWirePath, refusedPath } from '../wire-path.ts'

/** What a walk comes across: a file to send, something that is never sent, or something that cannot be. */
export type Found =
  | { kind: 'file'; path: string; name: string; file: string | Buffer; stats: BigIntStats }
  | { kind: 'skipped'; shown: string; reason: string }
  | { kind: 'refused'; path: string; name: string; shown: string; reason: string }

const NOT_A_FILE = 'not a regular file'
const SEPARATOR = Buffer.from(path.sep)
const strict = new TextDecoder('utf-8', { fatal: true })

/**
 * Files and folders as they will be called in the account: a file under its own name, a folder's files by their
 * relative paths under the folder's name, both under `prefix`. Folders are read by bytes, so that names which are not
 * UTF-8 are reported instead of mangled. A link that is named itself is followed, one inside a folder is not; a pipe or
 * a device that is named itself is refused, one inside a folder is skipped.
 */
export async function* walk(given: string[], prefix = ''): AsyncGenerator<Found> {
  for (const one of given) {
    const name = path.basename(path.resolve(one))
    const wirePath = joinWirePath(prefix, name)
    try {
      const stats = await stat(one, { bigint: true })
      if (stats.isDirectory()) yield* walkFolder(Buffer.from(one), wirePath)
      else if (stats.isFile()) yield found({ file: one, shown: one, wirePath, name, stats })
      else yield { kind: 'refused', path: wirePath, name, shown: one, reason: NOT_A_FILE }
    } catch (error) {
      yield { kind: 'refused', path: wirePath, name, shown: one, reason: messageOf(error) }
    }
  }
}

async function* walkFolder(folder: Buffer, prefix: string): AsyncGenerator<Found> {
  const entries = await readdir(folder, { encoding: 'buffer', withFileTypes: true })
  if (entries.length === 0)
    yield { kind: 'skipped', shown: folder.toString(), reason: 'empty folder' }
  entries.sort((a, b) => Buffer.compare(a.name, b.name))
  for (const entry of entries) {
    const file = Buffer.concat([folder, SEPARATOR, entry.name])
    const name = entry.name.toString('utf8')
    const wirePath = `${prefix}/${name}`
    try {
      yield* walkEntry(entry, file, wirePath)
    } catch (error) {
      yield {
        kind: 'refused',
        path: wirePath,
        name,
        shown: file.toString(),
        reason: messageOf(error),
      }
    }
  }
}

async function* walkEntry(
  entry: Dirent<Buffer>,
  file: Buffer,
  wirePath: string,
): AsyncGenerator<Found> {
  const shown = file.toString()
  const name = entry.name.toString()
  if (entry.isSymbolicLink()) return yield { kind: 'skipped', shown, reason: 'symbolic link' }
  if (!isUtf8(entry.name)) {
    return yield { kind: 'refused', path: wirePath, name, shown, reason: 'the name is not UTF-8' }
  }
  if (entry.isDirectory()) return yield* walkFolder(file, wirePath)
  const stats = await lstat(file, { bigint: true })
  yield found({ file, shown, wirePath, name, stats })
}

function found({
  file,
  shown,
  wirePath,
  name,
  stats,
}: {
  file: string | Buffer
  shown: string
  wirePath: string
  name: string
  stats: BigIntStats
}): Found {
  if (!stats.isFile()) return { kind: 'skipped', shown, reason: NOT_A_FILE }
  const reason = refusedPath(wirePath)
  if (reason) return { kind: 'refused', path: wirePath, name, shown, reason }
  return { kind: 'file', path: wirePath, name, file, stats }
}

function isUtf8(name: Buffer): boolean {
  try {
    strict.decode(name)
    return true
  } catch {
    return false
  }
}
