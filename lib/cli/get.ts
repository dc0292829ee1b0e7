import { createApi } from '../client/api.ts'
import { type DownloadResult, downloadFile } from '../client/node/download.ts'
import { createHashPool } from '../client/node/hash-pool.ts'
import { createSender } from '../client/node/send-part.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { fileIdOf } from './file-id.ts'
import { getFolder } from './get-folder.ts'
import { note, say, sayJson, showBytes, showSeconds, showText } from './output.ts'
import { createProgressLine } from './progress-line.ts'

/**
 * jetty get: fetches one file, or with a prefix that ends in `/` a folder, over all paths; each file is verified and only
 * then gets its name.
 */
export async function getCommand({ flags, args, settings, signal }: Context): Promise<number> {
  const { given, wanted } = wantedOf(args)
  const tools = { pool: createHashPool(), sender: createSender() }
  const isJson = flags.json ?? false
  const line = createProgressLine(isJson && !process.stderr.isTTY)
  const options = {
    api: createApi({ ...settings(), signal }),
    tools,
    target: flags.output ?? '.',
    force: flags.force,
    signal,
    connections: flags.connections,
    directOnly: flags.direct,
  }
  try {
    if (wanted === null) return await getFolder(given, options, isJson)
    const result = await downloadFile({ ...options, fileId: wanted, onProgress: line.show })
    line.clear()
    tell(result, isJson)
    return EXIT.ok
  } catch (error) {
    line.clear()
    if (signal.aborted) note('Interrupted. What was fetched is kept; the same command resumes.')
    throw error
  } finally {
    tools.sender.close()
    await tools.pool.close()
  }
}

/** A file id, or null for the folder of that name. */
function wantedOf([given, ...others]: string[]): { given: string; wanted: string | null } {
  if (!given || others.length > 0) {
    throw usageError('get: name one file id, or a folder as PREFIX/.')
  }
  return { given, wanted: given.endsWith('/') ? null : fileIdOf(given) }
}

function tell({ kept, ...result }: DownloadResult, json: boolean): void {
  if (json) sayJson(result)
  else say(`${showText(result.file)}  (${showBytes(result.fileSize)}, ${result.fileHash})`)
  note(kept ? 'already there, unchanged' : `fetched in ${showSeconds(result.seconds)}`)
}
