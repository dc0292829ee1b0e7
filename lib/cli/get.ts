import { createApi } from '../client/api.ts'
import { type DownloadResult, downloadFile } from '../client/node/download.ts'
import { createHashPool } from '../client/node/hash-pool.ts'
import { createSender } from '../client/node/send-part.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { fileIdOf } from './file-id.ts'
import { note, say, sayJson, showBytes, showSeconds, showText } from './output.ts'
import { createProgressLine } from './progress-line.ts'

/** jetty get: fetches one file over all paths, verifies it and only then gives it its name. */
export async function getCommand({ flags, args, settings, signal }: Context): Promise<number> {
  const [given, ...others] = args
  if (!given || others.length > 0) throw usageError('get: name one file id.')
  const fileId = fileIdOf(given)
  const tools = { pool: createHashPool(), sender: createSender() }
  const line = createProgressLine(flags.json && !process.stderr.isTTY)
  try {
    const result = await downloadFile({
      api: createApi({ ...settings(), signal }),
      tools,
      fileId,
      target: flags.output ?? '.',
      force: flags.force,
      signal,
      connections: flags.connections,
      directOnly: flags.direct,
      onProgress: line.show,
    })
    line.clear()
    tell(result, flags.json ?? false)
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

function tell({ kept, ...result }: DownloadResult, json: boolean): void {
  if (json) sayJson(result)
  else say(`${showText(result.file)}  (${showBytes(result.fileSize)}, ${result.fileHash})`)
  note(kept ? 'already there, unchanged' : `fetched in ${showSeconds(result.seconds)}`)
}
