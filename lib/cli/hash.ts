import { stat } from 'node:fs/promises'
import { contentIdOfFile } from '../client/node/content-id-of-file.ts'
import { createHashPool } from '../client/node/hash-pool.ts'
import type { Context } from './command.ts'
import { each } from './each.ts'
import { usageError } from './exit.ts'
import { say, sayJson, showText } from './output.ts'

/** jetty hash: the content ids of local files, as the service would name them. */
export async function hashCommand({ flags, args, signal }: Context): Promise<number> {
  if (args.length === 0) throw usageError('hash: name at least one file.')
  const pool = createHashPool()
  try {
    return await each(args, signal, async (file) => {
      const stats = await stat(file)
      // Opening a pipe waits for its writer, and nothing could interrupt that.
      if (!stats.isFile()) throw new Error('not a regular file')
      const fileHash = await contentIdOfFile(file, { pool, signal })
      if (flags.json) sayJson({ fileName: file, fileSize: stats.size, fileHash })
      else say(`${fileHash}  ${showText(file)}`)
    })
  } finally {
    await pool.close()
  }
}
