import { stat } from 'node:fs/promises'
import { type Api, createApi } from '../client/api.ts'
import { base64Of } from '../client/base64.ts'
import { fileAt } from '../client/files.ts'
import { createHashPool } from '../client/node/hash-pool.ts'
import { createSender } from '../client/node/send-part.ts'
import { sketchFile } from '../client/node/sketch-file.ts'
import { askSimilar } from '../client/similar.ts'
import type { FileEntry } from '../client/wire.ts'
import type { SimilarAsk } from '../client/wire-similar.ts'
import { noteAdvice, sayAlike, showAlike, showThreshold, thresholdOf } from './alike.ts'
import type { Context } from './command.ts'
import { EXIT, usageError } from './exit.ts'
import { fileIdOf } from './file-id.ts'
import { note, sayJson, showText } from './output.ts'

/** What is asked about, and its content id. */
type Asked = { ask: SimilarAsk; fileHash: string }

/** jetty similar: the account's files that are like a local file, or like one of its own. */
export async function similarCommand({ flags, args, settings, signal }: Context): Promise<number> {
  const [name, ...others] = args
  if (name === undefined || others.length > 0) {
    throw usageError('similar: name one file, here or in the account.')
  }
  const threshold = thresholdOf(flags.threshold)
  const api = createApi({ ...settings(), signal })
  const { ask, fileHash } = (await localFile(name, signal)) ?? (await storedFile(api, name))
  const { files, compared } = await askSimilar(api, ask, threshold)

  const rows = files.map((file) => ({ file, identical: file.fileHash === fileHash }))
  if (flags.json) {
    for (const { file, identical } of rows) sayJson({ ...file, identical })
  } else if (rows.length > 0) {
    sayAlike(
      rows.map(({ file, identical }) => ({
        file,
        alike: identical ? 'same' : showAlike(file.similarity),
      })),
    )
  }
  if (!compared) note(`${showText(name)} has no chunks to compare: only the very same are listed.`)
  if (rows.length === 0) note(`Nothing is ${showThreshold(threshold)} like ${showText(name)}.`)
  else noteAdvice()
  return EXIT.ok
}

/** A file on this machine; undefined where there is none of this name. */
async function localFile(name: string, signal: AbortSignal): Promise<Asked | undefined> {
  const isHere = await stat(name).then(
    (stats) => !stats.isDirectory(),
    () => false,
  )
  if (!isHere) return undefined
  const tools = { pool: createHashPool(), sender: createSender() }
  try {
    const { fileSize, fileHash, sketch } = await sketchFile(name, { tools, signal })
    const { distinctBytes, bins } = sketch
    const ask = { fileSize, fileHash, sketch: { distinctBytes, bins: base64Of(bins) } }
    return { ask, fileHash }
  } finally {
    await tools.pool.close()
    tools.sender.close()
  }
}

/** A path is looked up first: what looks like an id may be a file's name. */
async function storedFile(api: Api, idOrPath: string): Promise<Asked> {
  const { fileId, fileHash } = (await fileAt(api, idOrPath)) ?? (await fileOf(api, idOrPath))
  return { ask: { fileId }, fileHash }
}

async function fileOf(api: Api, text: string): Promise<FileEntry> {
  const query = new URLSearchParams({ fileId: fileIdOf(text) })
  return await api.call('GET', `/api/storage/files?${query}`)
}
