import { createReadStream, createWriteStream } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const MIB = 1024 ** 2
/** Of a file nobody asked for, so much is enough. */
const DEFAULT_BYTES_MAX = 128 * MIB
/** The file is stored for four accounts and fetched once; a plain copy comes and goes. */
const COPIES = 6
const SPARE_BYTES = 512 * MIB

export type GivenFile = { file: string; size: number; shown: string }

/**
 * The file to move: the one that was named, else a copy of Node's own binary, up to 128 MiB of it.
 *
 * @throws Error of one sentence when it cannot be read or the disk is too small for what follows
 */
export async function givenFile(named: string | undefined, folder: string): Promise<GivenFile> {
  const found = named ?? process.execPath
  const stats = await stat(found).catch(() => null)
  if (!stats?.isFile()) throw new Error(`${found} is not a file.`)
  const size = named ? stats.size : Math.min(stats.size, DEFAULT_BYTES_MAX)
  await requireRoom(folder, size * COPIES + SPARE_BYTES)
  if (named) return { file: named, size, shown: named }

  const file = join(folder, 'node')
  await pipeline(createReadStream(found, { end: size - 1 }), createWriteStream(file))
  const part = size < stats.size ? `the first ${DEFAULT_BYTES_MAX / MIB} MiB of ` : ''
  return { file, size, shown: `${part}Node's own binary, ${found}` }
}

async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize >= bytes) return
  const gib = (bytes / 1024 ** 3).toFixed(1)
  throw new Error(`The demo needs ${gib} GiB in ${folder}; set TMPDIR to a larger place.`)
}
