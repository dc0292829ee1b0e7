import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createApi } from '../../../../lib/client/api.ts'
import { type DownloadOptions, downloadFile } from '../../../../lib/client/node/download.ts'
import { fileSource } from '../../../../lib/client/node/file-source.ts'
import { createHashPool } from '../../../../lib/client/node/hash-pool.ts'
import { createSender } from '../../../../lib/client/node/send-part.ts'
import { uploadFiles } from '../../../../lib/client/upload.ts'
import { startTiny, type TinyOptions } from '../tiny-service.ts'

const MIB = 1024 * 1024
const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

async function stored(content: Buffer, options: TinyOptions = {}) {
  const service = await startTiny(options)
  const folder = await mkdtemp(path.join(tmpdir(), 'jetty-get-'))
  const tools = { pool: createHashPool(2), sender: createSender() }
  undo.push(
    () => service.stop(),
    () => rm(folder, { recursive: true }),
    () => tools.pool.close(),
    () => tools.sender.close(),
  )
  const original = path.join(folder, 'original')
  await writeFile(original, content)
  const source = fileSource(original, await stat(original, { bigint: true }), tools)
  const api = createApi({ url: service.url, apiKey: 'jt_live_test' })
  await uploadFiles([{ path: 'in/f.bin', name: 'f.bin', source }], { api })
  const fileId = service.files.get('in/f.bin')?.fileId ?? ''
  const target = path.join(folder, 'got')
  const signal = new AbortController().signal
  const get = (more: Partial<DownloadOptions> = {}) =>
    downloadFile({ api, tools, fileId, target, signal, patienceMs: 100, ...more })
  return { service, folder, target, get, fileId }
}

test('a file comes back byte for byte, over every path, and nothing else is left beside it', async () => {
  const content = randomBytes(60 * MIB + 3)
  const { get, target, folder } = await stored(content, { edges: 2 })
  const result = await get()
  expect((await readFile(target)).equals(content)).toBe(true)
  expect(result).toMatchObject({
    fileSize: content.length,
    bytesReceived: content.length,
    kept: false,
  })
  expect(Object.keys(result.paths)).toEqual(expect.arrayContaining(['edge-1', 'edge-2']))
  expect((await readdir(folder)).sort()).toEqual(['got', 'original'])
})

test('an empty file comes back empty', async () => {
  const { get, target } = await stored(Buffer.alloc(0))
  await get()
  expect((await stat(target)).size).toBe(0)
})

test('a folder as the target gets the stored name', async () => {
  const { get, folder } = await stored(Buffer.from('x'))
  expect((await get({ target: folder })).file).toBe(path.join(folder, 'f.bin'))
})

test('an interrupted fetch goes on where it stopped, under the same download id', async () => {
  const content = randomBytes(60 * MIB)
  const { service, get, target } = await stored(content)
  const controller = new AbortController()
  service.options.onRange = (offset) => {
    if (offset < 20 * MIB) return undefined
    controller.abort(new Error('stop'))
    return 'hang'
  }
  const stopped = get({ signal: controller.signal, connections: 1 })
  await expect(stopped).rejects.toThrow('stop')
  service.options.onRange = undefined
  expect(existsSync(target)).toBe(false)

  const result = await get()
  expect((await readFile(target)).equals(content)).toBe(true)
  expect(result.bytesReceived).toBe(40 * MIB)
  const ids = service.calls.flatMap(
    ({ path: asked }) => /downloadId=([^&]+)/.exec(asked)?.[1] ?? [],
  )
  expect(new Set(ids).size).toBe(1)
})

test('what arrives wrong is thrown away and never has the final name', async () => {
  const content = randomBytes(9 * MIB)
  const { service, get, target, folder } = await stored(content)
  const file = service.files.get('in/f.bin')
  if (file) file.bytes = Buffer.concat([file.bytes.subarray(1), Buffer.from([0])])
  await expect(get()).rejects.toThrow(/differs from the content id/)
  expect(existsSync(target)).toBe(false)
  expect(await readdir(folder)).toEqual(['original'])
})

test('a file that is there is kept when it is the same, and only replaced when forced', async () => {
  const content = randomBytes(1000)
  const { service, get, target } = await stored(content)
  await get()
  expect(await get()).toMatchObject({ kept: true, bytesReceived: 0 })
  await writeFile(target, 'mine')
  await expect(get()).rejects.toThrow(/--force/)
  expect(await readFile(target, 'utf8')).toBe('mine')
  await get({ force: true })
  expect((await readFile(target)).equals(content)).toBe(true)
  expect(service.calls.filter(({ path: asked }) => asked.includes('/download'))).toHaveLength(2)
})

test('what is there and is no file is not replaced, not even when forced', async () => {
  const { get, folder } = await stored(Buffer.from('x'))
  const pipe = path.join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  await expect(get({ target: pipe, force: true })).rejects.toThrow('no regular file')
  expect((await stat(pipe)).isFIFO()).toBe(true)
})

test('as many connections are used as the service allows', async () => {
  const { service, get } = await stored(randomBytes(40 * MIB), { connections: 1 })
  const controller = new AbortController()
  let asked = 0
  service.options.onRange = () => {
    asked += 1
    setTimeout(() => controller.abort(new Error('stop')), 200)
    return 'hang'
  }
  await expect(get({ signal: controller.signal })).rejects.toThrow('stop')
  expect(asked).toBe(1)
})

test('a link that ends on the way is renewed, once for all that used it', async () => {
  const content = randomBytes(30 * MIB)
  const { service, get, target } = await stored(content)
  const refused = new Set<number>()
  service.options.onRange = (offset) => {
    if (refused.has(offset)) return undefined
    refused.add(offset)
    return { status: 403, body: '<Code>AccessDenied</Code><Message>Request has expired</Message>' }
  }
  await get({ connections: 16 })
  expect((await readFile(target)).equals(content)).toBe(true)
  const asked = service.calls.filter(({ path: call }) => call.includes('/download'))
  expect(asked.length).toBeLessThanOrEqual(3)
})

test('a state that speaks of more than is there is found out by the content', async () => {
  const content = randomBytes(20 * MIB)
  const { service, get, target } = await stored(content)
  const controller = new AbortController()
  service.options.onRange = (offset) => {
    if (offset < 10 * MIB) return undefined
    controller.abort(new Error('stop'))
    return 'hang'
  }
  const stopped = get({ signal: controller.signal, connections: 1 })
  await expect(stopped).rejects.toThrow('stop')
  service.options.onRange = undefined
  await truncate(`${target}.jetty-part`, 0)
  await expect(get()).rejects.toThrow(/differs/)
  await get()
  expect((await readFile(target)).equals(content)).toBe(true)
})
