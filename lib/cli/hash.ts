import { open } from 'node:fs/promises'
import { messageOf } from '../client/failure.ts'
import { createHashPool, type HashPool } from '../client/node/hash-pool.ts'
import { contentIdOf } from '../content/content-id.ts'
import { layoutOf } from '../content/layout.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { note, say, sayJson, showText } from './output.ts'

/** jetty hash: the content ids of local files, as the service would name them. */
export async function hashCommand({ flags, args, signal }: Context): Promise<number> {
  if (args.length === 0) throw usageError('hash: name at least one file.')
  const pool = createHashPool()
  let failed = 0
  try {
    for (const file of args) {
      try {
        const { fileHash, fileSize } = await hashFile(pool, file, signal)
        if (flags.json) sayJson({ fileName: file, fileSize, fileHash })
        else say(`${fileHash}  ${showText(file)}`)
      } catch (error) {
        signal.throwIfAborted()
        failed += 1
        note(`failed ${showText(file)}: ${messageOf(error)}`)
      }
    }
  } finally {
    await pool.close()
  }
  return failed > 0 ? EXIT.failed : EXIT.ok
}

async function hashFile(pool: HashPool, file: string, signal: AbortSignal) {
  const handle = await open(file, 'r')
  try {
    const { size } = await handle.stat()
    const options = { md5: false, signal, onBytes: () => {} }
    const digests = await pool.digest(handle.fd, layoutOf(size), options)
    return { fileSize: size, fileHash: await contentIdOf(digests.map(({ sha256 }) => sha256)) }
  } finally {
    await handle.close()
  }
}
