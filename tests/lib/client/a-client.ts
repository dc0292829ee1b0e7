import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createApi } from '../../../lib/client/api.ts'
import type { FileOutcome, FileToUpload } from '../../../lib/client/entry.ts'
import { fileSource } from '../../../lib/client/node/file-source.ts'
import { createHashPool } from '../../../lib/client/node/hash-pool.ts'
import { createSender } from '../../../lib/client/node/send-part.ts'
import { type UploadOptions, uploadFiles } from '../../../lib/client/upload.ts'
import { startTiny, type TinyOptions } from './tiny-service.ts'

export const MIB = 1024 * 1024

/** A tiny service with a client for it. */
export async function aClient(options: TinyOptions = {}) {
  const service = await startTiny(options)
  const folder = await mkdtemp(path.join(tmpdir(), 'jetty-client-'))
  const tools = { pool: createHashPool(2), sender: createSender() }

  async function aFile(name: string, content: Buffer | number): Promise<FileToUpload> {
    const file = path.join(folder, name)
    await writeFile(file, typeof content === 'number' ? randomBytes(content) : content)
    return { path: name, name, source: fileSource(file, await stat(file, { bigint: true }), tools) }
  }

  async function send(files: FileToUpload[], more: Partial<UploadOptions> = {}) {
    const outcomes: FileOutcome[] = []
    const summary = await uploadFiles(files, {
      api: createApi({ url: service.url, apiKey: 'jt_live_test', attemptsMax: 3 }),
      onFile: (outcome) => outcomes.push(outcome),
      patienceMs: 100,
      ...more,
    })
    return { summary, outcomes, results: outcomes.flatMap(({ result }) => result ?? []) }
  }

  async function stop() {
    tools.sender.close()
    await tools.pool.close()
    await rm(folder, { recursive: true })
    await service.stop()
  }
  return { service, folder, aFile, send, tools, stop }
}
