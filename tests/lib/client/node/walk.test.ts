import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Found, walk } from '../../../../lib/client/node/walk.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'jetty-walk-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function found(given: string[], prefix?: string): Promise<string[]> {
  const lines: string[] = []
  for await (const one of walk(
    given.map((name) => path.join(folder, name)),
    prefix,
  ))
    lines.push(show(one))
  return lines
}

function show(one: Found): string {
  if (one.kind === 'file') return `${one.path} ${one.stats.size}`
  if (one.kind === 'skipped') return `skipped ${path.relative(folder, one.shown)}: ${one.reason}`
  return `refused ${path.relative(folder, one.shown)}: ${one.reason}`
}

test('a folder keeps its relative paths under its own name, a file has its name alone', async () => {
  await mkdir(path.join(folder, 'trip/day 1'), { recursive: true })
  await writeFile(path.join(folder, 'trip/b.txt'), 'bb')
  await writeFile(path.join(folder, 'trip/day 1/ü🙂'), 'c')
  await writeFile(path.join(folder, 'one'), '')
  expect(await found(['trip', 'one'])).toEqual(['trip/b.txt 2', 'trip/day 1/ü🙂 1', 'one 0'])
  expect(await found(['one'], 'to/here/')).toEqual(['to/here/one 0'])
  expect(await found(['trip/'])).toHaveLength(2)
})

test('links inside folders and empty folders are skipped and named, a link given by name is followed', async () => {
  await mkdir(path.join(folder, 'a/empty'), { recursive: true })
  await writeFile(path.join(folder, 'target'), 'x')
  await symlink(path.join(folder, 'target'), path.join(folder, 'a/link'))
  await symlink(path.join(folder, 'a'), path.join(folder, 'a/loop'))
  expect(await found(['a'])).toEqual([
    'skipped a/empty: empty folder',
    'skipped a/link: symbolic link',
    'skipped a/loop: symbolic link',
  ])
  expect(await found(['a/link'])).toEqual(['link 1'])
})

test('a name that is not UTF-8 or has a control character is refused and the rest goes on', async () => {
  await mkdir(path.join(folder, 'a'))
  await writeFile(
    Buffer.concat([Buffer.from(path.join(folder, 'a/')), Buffer.from([0x66, 0xff])]),
    '',
  )
  await writeFile(path.join(folder, 'a/new\nline'), '')
  await writeFile(path.join(folder, 'a/z'), '')
  expect(await found(['a'])).toEqual([
    'refused a/f\ufffd: the name is not UTF-8',
    'refused a/new\nline: the path has a control character',
    'a/z 0',
  ])
})

test('what is not there is refused and the rest goes on', async () => {
  await writeFile(path.join(folder, 'b'), '')
  const [gone, there] = await found(['gone', 'b'])
  expect(gone).toMatch(/^refused gone: ENOENT/)
  expect(there).toBe('b 0')
})
