import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chunkFile } from '../../../lib/content/chunk.ts'
import { sketchOf } from '../../../lib/content/sketch.ts'
import { anAccount } from '../../local/account.ts'
import { jetty } from '../../local/command.ts'
import { contentOfBytes } from '../../local/content.ts'
import { startFunctions } from '../../local/functions.ts'
import { aSketch, storeSketched } from '../../local/sketches.ts'

const MIB = 1024 * 1024
const functions = await startFunctions()
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'jetty-similar-'))
})
afterAll(async () => {
  await functions.stop()
  await rm(folder, { recursive: true })
})

/** A new account and the command as its owner runs it. */
async function anOwner() {
  const { apiKey, accountId } = await anAccount()
  const env = { JETTY_URL: functions.url, JETTY_API_KEY: apiKey }
  return { accountId, run: (...words: string[]) => jetty(env, ...words).ended }
}

/** What a client would have said of these bytes. */
async function sketched(bytes: Buffer) {
  const fileSize = bytes.length
  const { fileHash } = await contentOfBytes(bytes)
  return {
    fileSize,
    fileHash,
    sketch: sketchOf(await chunkFile([new Uint8Array(bytes)], { fileSize })),
  }
}

test('a local file is compared with what is stored, by a sketch of its own: what is the same, and what is nearly so', async () => {
  const { accountId, run } = await anOwner()
  const bytes = randomBytes(20 * MIB)
  const file = path.join(folder, 'big.bin')
  await writeFile(file, bytes)
  const edited = Buffer.concat([
    bytes.subarray(0, 5 * MIB),
    randomBytes(9),
    bytes.subarray(5 * MIB),
  ])
  await storeSketched(accountId, await sketched(bytes), ['there/same.bin'])
  await storeSketched(accountId, await sketched(edited), ['there/edited.bin'])
  await storeSketched(accountId, aSketch(1, 1), ['there/other.bin'])

  const told = await run('similar', file, '--json')
  expect(told.code).toBe(0)
  expect(told.lines).toEqual([
    expect.objectContaining({ path: 'there/same.bin', identical: true, similarity: 1 }),
    expect.objectContaining({ path: 'there/edited.bin', identical: false }),
  ])
  expect(told.stderr).toContain('Advice only')

  const shown = await run('similar', file)
  const [title, first, second, ...rest] = shown.stdout.split('\n')
  expect(title).toMatch(/^alike +size +id +path$/)
  expect(first).toMatch(/^ +same +20\.0 MiB +[0-9a-f-]{36} {2}there\/same\.bin$/)
  expect(second).toMatch(/^ +>99% +20\.0 MiB +[0-9a-f-]{36} {2}there\/edited\.bin$/)
  expect(rest).toEqual([''])
}, 60_000)

test('a file of the account is named by its path or its id, and is not like itself', async () => {
  const { accountId, run } = await anOwner()
  const made = (member: number) => aSketch(1, member, { share: 0.9 })
  const { fileIds } = await storeSketched(accountId, made(1), ['a.bin', 'copy of a.bin'])
  await storeSketched(accountId, made(2), ['b.bin'])
  for (const name of ['a.bin', fileIds[0] ?? '']) {
    const { lines } = await run('similar', name, '--threshold', '80%', '--json')
    expect(lines.map(({ path: stored, identical }) => [stored, identical])).toEqual([
      ['copy of a.bin', true],
      ['b.bin', false],
    ])
  }
  const none = await run('similar', 'b.bin')
  expect(none).toMatchObject({ code: 0, stdout: '', stderr: 'Nothing is 95% like b.bin.\n' })
}, 60_000)

test('a file of hardly any chunks is compared by its content alone, and that is said', async () => {
  const { accountId, run } = await anOwner()
  const bytes = randomBytes(100)
  const file = path.join(folder, 'tiny')
  await writeFile(file, bytes)
  await storeSketched(accountId, await sketched(bytes), ['tiny too'])
  const { lines, stderr } = await run('similar', file, '--json')
  expect(lines).toMatchObject([{ path: 'tiny too', identical: true }])
  expect(stderr).toContain('only the very same are listed')
}, 60_000)

test('dupes lists groups, each whole however many pages it took, and changes nothing', async () => {
  const { accountId, run } = await anOwner()
  const at = (n: number) => `sha256:${String(n).padStart(64, '0')}-4`
  // More contents than a page has, the family at both ends.
  for (const n of [0, 1, 300, 301]) {
    const content = { ...aSketch(1, n, { share: 0.98 }), fileHash: at(n) }
    await storeSketched(accountId, content, [`family/${n}`])
  }
  const alone = { sketch: null, fileSize: 16 * MIB + 1 }
  for (let n = 2; n < 203; n++) {
    await storeSketched(accountId, { ...alone, fileHash: at(n) }, [`alone/${n}`])
  }
  await storeSketched(accountId, { ...alone, fileHash: at(250) }, ['b', 'a'])

  const { code, lines, stderr } = await run('dupes', '--json')
  expect(code).toBe(0)
  const paths = lines.map(({ files }) => files.map((file: { path: string }) => file.path))
  expect(paths[0]?.[0]).toBe('family/0')
  expect(paths[0]?.toSorted()).toEqual(['family/0', 'family/1', 'family/300', 'family/301'])
  expect(paths.slice(1)).toEqual([['a', 'b']])
  expect(stderr).toContain('2 groups, 6 files.')

  const shown = (await run('dupes')).stdout.split('\n')
  expect(shown[1]).toMatch(/^ +1[78]\.\d MiB +[0-9a-f-]{36} {2}family\/0$/)
  expect(shown[2]).toMatch(/^ +9[789]% /)
  expect(shown[5]).toBe('')
  expect(shown[7]).toMatch(/^ +same +16\.0 MiB +[0-9a-f-]{36} {2}b$/)
  const strict = await run('dupes', '--threshold', '100')
  expect(strict.stdout).not.toContain('family')
}, 90_000)

test('an account without duplicates is told so', async () => {
  const { run } = await anOwner()
  expect(await run('dupes')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'No likely duplicates.\n',
  })
}, 60_000)

test('what is not understood ends with 2, a name that is nowhere with 1', async () => {
  const { run } = await anOwner()
  for (const words of [
    ['similar'],
    ['similar', 'a', 'b'],
    ['dupes', 'a'],
    ['dupes', '--threshold', '49%'],
    ['dupes', '--threshold', '101'],
    ['dupes', '--threshold', 'all'],
    ['similar', 'a', '--threshold', '1e0'],
  ]) {
    expect((await run(...words)).code, words.join(' ')).toBe(2)
  }
  const gone = await run('similar', 'nowhere')
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining("'nowhere'") })
  for (const name of ['similar', 'dupes']) {
    const { stdout } = await run(name, '--help')
    expect(stdout).toContain('--threshold SHARE')
    expect(stdout).toContain('hanges nothing')
  }
}, 60_000)
