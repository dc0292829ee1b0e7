import { type Api, createApi } from '../client/api.ts'
import { fileAt } from '../client/files.ts'
import { type DownloadResult, downloadFile } from '../client/node/download.ts'
import { createHashPool } from '../client/node/hash-pool.ts'
import { createSender } from '../client/node/send-part.ts'
import type { FileEntry } from '../client/wire.ts'
import type { Context, Flags } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { fileIdOf, looksLikeFileId } from './file-id.ts'
import { getFolder } from './get-folder.ts'
import { limitOf } from './limit.ts'
import { note, say, sayJson, showBytes, showSeconds, showText } from './output.ts'
import { createProgressLine } from './progress-line.ts'

/**
 * jetty get: fetches one file by id or by path, or with a prefix that ends in `/` a folder, over all paths; each file is
 * verified and only then gets its name.
 */
export async function getCommand({ flags, args, settings, signal }: Context): Promise<number> {
  const given = givenOf(args, flags)
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
    bytesPerSecondMax: limitOf(flags),
    directOnly: flags.direct,
  }
  try {
    if (given.endsWith('/')) return await getFolder(given, options, isJson)
    const found = await find(given, options.api)
    const result = await downloadFile({ ...options, ...found, onProgress: line.show })
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

function givenOf([given, ...others]: string[], flags: Flags): string {
  if (!given || others.length > 0) throw usageError('get: name one file id or path, or a folder/.')
  if (flags.output === '-')
    throw usageError('get writes to a file, not to stdout; name one with -o.')
  return given
}

/** The file of an id or a path; a path costs a call, which also tells what downloading would ask for. */
async function find(given: string, api: Api): Promise<{ fileId: string; stored?: FileEntry }> {
  const stored = looksLikeFileId(given) ? undefined : await fileAt(api, given)
  return stored ? { fileId: stored.fileId, stored } : { fileId: fileIdOf(given) }
}

function tell({ kept, ...result }: DownloadResult, json: boolean): void {
  if (json) sayJson(result)
  else say(`${showText(result.file)}  (${showBytes(result.fileSize)}, ${result.fileHash})`)
  note(kept ? 'already there, unchanged' : `fetched in ${showSeconds(result.seconds)}`)
}
