import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { jetty } from '../local/command.ts'
import { type Functions, startFunctions } from '../local/functions.ts'
import { throughProxies } from '../local/proxied.ts'

const MIB = 1024 * 1024
const PART = 5 * MIB

const { s3 } = await throughProxies()
const { anAccount } = await import('../local/account.ts')
const { query } = await import('../../lib/db/client.ts')
const { sql } = await import('../../lib/vendor/orm.js')
const { manifestKeyOf } = await import('../../lib/storage/keys.ts')
const { askStore } = await import('../../lib/storage/client.ts')
const { store } = await import('../../lib/storage/config.ts')
const { chunkFile } = await import('../../lib/content/chunk.ts')
const { encodeManifest } = await import('../../lib/content/encode-manifest.ts')

let functions: Functions
let folder: string
beforeAll(async () => {
  functions = await startFunctions()
  folder = await mkdtemp(join(tmpdir(), 'jetty-delta-'))
})
afterEach(() => {
  s3.fault = undefined
})
afterAll(async () => {
  await functions.stop()
  await rm(folder, { recursive: true, force: true })
})

/** An account with `a.bin` of so many random bytes, and what its next uploads cost. */
async function withFile(size: number) {
  const { apiKey, accountId } = await anAccount()
  const env = { JETTY_URL: functions.url, JETTY_API_KEY: apiKey }
  const base = randomBytes(size)
  const [{ fileId, fileHash }] = (await upload(base)).lines

  async function upload(content: Buffer, ...more: string[]) {
    await writeFile(join(folder, 'a.bin'), content)
    s3.passed.length = 0
    functions.calls.clear()
    const ran = await jetty(env, 'upload', join(folder, 'a.bin'), '--direct', '--json', ...more)
      .ended
    expect(ran).toMatchObject({ code: 0 })
    // The bytes are those that the store received, from whomever.
    const puts = s3.passed.filter(({ method }) => method === 'PUT')
    return { ...ran, puts, bytes: puts.reduce((sum, put) => sum + put.bytes, 0) }
  }

  async function fetched(path = 'a.bin'): Promise<Buffer> {
    const back = join(folder, 'back.bin')
    expect((await jetty(env, 'get', path, '-o', back, '--force').ended).code).toBe(0)
    return await readFile(back)
  }
  return { env, apiKey, accountId, base, fileId, fileHash, upload, fetched }
}

/** Another thousand bytes in the second part. */
function edited(base: Buffer): Buffer {
  const file = Buffer.from(base)
  randomBytes(1000).copy(file, PART + MIB)
  return file
}

function callsOf(name: string): number {
  return functions.calls.get(name) ?? 0
}

test('of a file of 40 MiB with something inserted, one part is sent, in one call more', async () => {
  const { base, upload, fetched, env } = await withFile(40 * MIB)
  const file = Buffer.concat([
    base.subarray(0, 12 * MIB),
    randomBytes(9999),
    base.subarray(12 * MIB),
  ])
  const { lines, bytes, puts } = await upload(file)

  const manifest = puts.find(({ url }) => url.includes('.manifest'))?.bytes ?? 0
  expect(manifest).toBeGreaterThan(10_000)
  expect(manifest).toBeLessThan(file.length / 1000)
  expect(bytes).toBe(PART + manifest)
  expect(lines[0]).toMatchObject({
    duplicate: false,
    sentBytes: bytes,
    copiedBytes: file.length - PART,
    functionCalls: 3,
  })
  expect(callsOf('POST /api/storage/upload')).toBe(1)
  expect(callsOf('POST /api/storage/copy')).toBe(1)
  expect(callsOf('PATCH /api/storage/upload')).toBe(0)
  expect(callsOf('PUT /api/storage/upload')).toBe(1)
  expect((await fetched()).equals(file)).toBe(true)

  // The next version is compared with this one; people read what it saved.
  await writeFile(join(folder, 'a.bin'), edited(file))
  const { stdout } = await jetty(env, 'upload', join(folder, 'a.bin')).ended
  expect(stdout).toMatch(/^\S+ {2}a\.bin {2}\(sent 5\.0 MiB of 40\.0 MiB \(13 %\), [0-9.]+ s\)\n$/)
}, 120_000)

test('a file that did not change costs no bytes, also under another path', async () => {
  const { base, upload } = await withFile(17 * MIB)
  for (const where of [[], ['--to', 'elsewhere']]) {
    const { lines, bytes } = await upload(base, ...where)
    expect(bytes).toBe(0)
    expect(lines[0]).toMatchObject({ duplicate: true, sentBytes: 0, copiedBytes: 0 })
  }
}, 120_000)

test('--base takes the parts of a file at another path, named by path or by id; --no-delta of none', async () => {
  const { base, upload, fileId, fetched } = await withFile(17 * MIB)
  const byPath = edited(base)
  const one = await upload(byPath, '--to', 'one', '--base', 'a.bin')
  expect(one.lines[0]).toMatchObject({ copiedBytes: 12 * MIB })
  const two = await upload(edited(base), '--to', 'two', '--base', fileId)
  expect(two.lines[0]).toMatchObject({ copiedBytes: 12 * MIB })
  const three = await upload(edited(base), '--to', 'three', '--no-delta')
  expect(three).toMatchObject({ bytes: 17 * MIB, lines: [{ copiedBytes: 0 }] })
  expect((await fetched('one/a.bin')).equals(byPath)).toBe(true)
}, 120_000)

test('a changed copy under another name takes its parts from the stored file that is most like it', async () => {
  const { base, upload, fetched } = await withFile(40 * MIB)
  // Sketches are a matter of chance: of two files that share 99.9 % one in a million is not found.
  const file = edited(base)
  const { lines, bytes } = await upload(file, '--to', 'copies')
  expect(lines[0]).toMatchObject({ path: 'copies/a.bin', sentBytes: bytes, functionCalls: 3 })
  expect(lines[0].copiedBytes).toBe(35 * MIB)
  expect((await fetched('copies/a.bin')).equals(file)).toBe(true)
})

test('a base that is deleted between start and copy costs the bytes, nothing else', async () => {
  const { base, fileId, apiKey, upload, fetched } = await withFile(17 * MIB)
  s3.fault = async ({ method, url }) => {
    if (method === 'GET' && url.includes('.manifest')) await deleteFile(apiKey, fileId)
    return 'pass' as const
  }
  const file = edited(base)
  const { lines, bytes } = await upload(file, '--to', 'next', '--base', fileId)
  expect(callsOf('POST /api/storage/copy')).toBe(1)
  expect(bytes).toBeGreaterThan(17 * MIB)
  expect(lines[0]).toMatchObject({ copiedBytes: 0 })
  expect((await fetched('next/a.bin')).equals(file)).toBe(true)
}, 120_000)

async function deleteFile(apiKey: string, fileId: string): Promise<void> {
  await fetch(`${functions.url}/api/storage/files?fileId=${fileId}&permanent=true`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${apiKey}` },
  })
}

test('a manifest that lies costs the bytes of the parts it lies about, and the file is right', async () => {
  const { base, fileHash, accountId, upload, fetched } = await withFile(17 * MIB)
  const file = edited(base)
  // It says that the stored file is the new one.
  const chunks = await chunkFile([new Uint8Array(file)], { fileSize: file.length })
  await overwriteManifest(accountId, Buffer.from(await encodeManifest({ fileHash, chunks })))
  const { lines, bytes } = await upload(file)
  expect(lines[0]).toMatchObject({ copiedBytes: 12 * MIB })
  expect(bytes).toBeLessThan(PART + 20_000)
  expect((await fetched()).equals(file)).toBe(true)
}, 120_000)

test('a manifest of nonsense costs the bytes of the file, and the file is right', async () => {
  const { base, accountId, upload, fetched } = await withFile(17 * MIB)
  await overwriteManifest(accountId, randomBytes(5000))
  const file = edited(base)
  const { lines, bytes } = await upload(file)
  expect(lines[0]).toMatchObject({ copiedBytes: 0 })
  expect(callsOf('POST /api/storage/copy')).toBe(0)
  expect(bytes).toBeGreaterThan(17 * MIB)
  expect((await fetched()).equals(file)).toBe(true)
}, 120_000)

async function overwriteManifest(accountId: string, body: Buffer): Promise<void> {
  const [blob] = await query(
    sql`SELECT storage_key FROM file_hashes WHERE account_id = ${accountId}`,
  )
  const Key = manifestKeyOf(String(blob?.storage_key))
  await askStore(({ client, sdk }) =>
    client.send(new sdk.PutObjectCommand({ Bucket: store.bucket, Key, Body: body })),
  )
}

test('a manifest that the store does not take fails nothing; the next version is sent whole', async () => {
  s3.fault = ({ method, url }) =>
    method === 'PUT' && url.includes('.manifest') ? { status: 500, body: '' } : 'pass'
  const { base, upload, fetched } = await withFile(17 * MIB)
  s3.fault = undefined
  const file = edited(base)
  const { lines } = await upload(file)
  expect(lines[0]).toMatchObject({ copiedBytes: 0 })
  expect((await fetched()).equals(file)).toBe(true)
}, 120_000)
