import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bundleOf } from '../../../lib/cli/bundle.js'
import { temporaryFolder } from '../../local/temporary.ts'

async function aProgram() {
  const folder = await temporaryFolder()
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'sub'))
  const other = join(folder, 'sub/other.ts')
  await writeFile(other, "export const url: string = import.meta.url\nexport const word = 'one'\n")
  const entry = join(folder, 'main.ts')
  await writeFile(entry, "export { url, word } from './sub/other.ts'\n")
  return { folder, entry, other, file: join(folder, 'cache/main.mjs') }
}

/** As a new process would: what was imported before is kept. */
const load = async (url: string | undefined, turn: number) => await import(`${url}?${turn}`)

test('the bundle does what the sources do, and lets them find what lies beside them', async () => {
  const { entry, other, file } = await aProgram()
  const program = await load(await bundleOf(entry, file), 1)
  expect(program.word).toBe('one')
  expect(program.url).toBe(`file://${other}`)
})

test('it is made once, and again when a source has changed', async () => {
  const { entry, other, file } = await aProgram()
  await bundleOf(entry, file)
  const first = await readFile(file, 'utf8')
  await writeFile(file, `${first}export const mark = 1\n`)
  expect((await load(await bundleOf(entry, file), 1)).mark).toBe(1)

  await writeFile(other, "export const url = ''\nexport const word = 'another'\n")
  const program = await load(await bundleOf(entry, file), 2)
  expect(program).toMatchObject({ word: 'another' })
  expect(program.mark).toBeUndefined()
})

test('a bundle that is cut off is made anew; where none can be written there is none', async () => {
  const { folder, entry, file } = await aProgram()
  await bundleOf(entry, file)
  await writeFile(file, '//[["')
  expect((await load(await bundleOf(entry, file), 1)).word).toBe('one')
  await writeFile(join(folder, 'taken'), '')
  expect(await bundleOf(entry, join(folder, 'taken/main.mjs'))).toBeUndefined()
  expect(await bundleOf(join(folder, 'nothing.ts'), join(folder, 'n.mjs'))).toBeUndefined()
})
