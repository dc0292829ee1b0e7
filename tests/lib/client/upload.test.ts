import { randomBytes } from 'node:crypto'
import { appendFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createApi } from '../../../lib/client/api.ts'
import type { FileOutcome, FileToUpload } from '../../../lib/client/entry.ts'
import { fileSource } from '../../../lib/client/node/file-source.ts'
import { createHashPool } from '../../../lib/client/node/hash-pool.ts'
import { createSender } from '../../../lib/client/node/send-part.ts'
import { type UploadOptions, uploadFiles } from '../../../lib/client/upload.ts'
import { startTiny, type TinyOptions } from './tiny-service.ts'

const MIB = 1024 * 1024
const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function setUp(options: TinyOptions = {}) {
  const service = await startTiny(options)
  const folder = await mkdtemp(path.join(tmpdir(), 'jetty-client-'))
  const tools = { pool: createHashPool(2), sender: createSender() }
  undo.push(
    () => service.stop(),
    () => rm(folder, { recursive: true }),
    () => tools.pool.close(),
    () => tools.sender.close(),
  )

  async function aFile(name: string, content: Buffer): Promise<FileToUpload> {
    const file = path.join(folder, name)
    await writeFile(file, content)
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
  return { service, folder, aFile, send, tools }
}

test('a file of many parts arrives byte for byte in two calls', async () => {
  const { service, aFile, send } = await setUp()
  const content = randomBytes(21 * MIB + 17)
  const { summary, results } = await send([await aFile('a.bin', content)])

  expect(service.files.get('a.bin')?.bytes.equals(content)).toBe(true)
  expect(summary).toMatchObject({ stored: 1, failed: 0, functionCalls: 2 })
  expect(results[0]).toMatchObject({
    fileName: 'a.bin',
    fileSize: content.length,
    bytesSent: content.length,
    paths: { direct: content.length },
    duplicate: false,
    functionCalls: 2,
  })
  expect(summary.progress).toMatchObject({ bytesDone: content.length, filesDone: 1 })
})
