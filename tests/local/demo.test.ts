import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checksOf, type Facts } from './demo/checks.ts'
import { givenFile } from './demo/given-file.ts'
import { sameBytes } from './demo/same-bytes.ts'

const SIZE = 100_000_000

const GOOD: Facts = {
  emulated: { up: { uploaded: sent() }, down: { fetched: { fileHash: 'a' } }, isSame: true },
  interrupted: {
    uploaded: sent({ sentBytes: SIZE / 2 }),
    wasKilled: true,
    sentInAll: 1.05 * SIZE,
    sentMax: 1.1 * SIZE,
    promise: 'sent once',
    again: { uploaded: sent({ sentBytes: 0, duplicate: true }) },
  },
  raw: { up: { uploaded: sent() } },
  functions: { traffic: 1_000_000 },
}

test('a demo in which all went well fails no check', () => {
  expect(checksOf(GOOD, SIZE).filter(({ kept }) => !kept)).toEqual([])
})

const { emulated, interrupted } = GOOD
const again = { uploaded: sent({ duplicate: true }) }
test.each<[string, Partial<Facts>]>([
  ['byte for byte', { emulated: { ...emulated, isSame: false } }],
  ['content id', { emulated: { ...emulated, down: { fetched: { fileHash: 'b' } } } }],
  ['3 function calls', { emulated: { ...emulated, up: { uploaded: sent({ functionCalls: 4 }) } } }],
  ['SIGKILL', { interrupted: { ...interrupted, wasKilled: false } }],
  ['sent once', { interrupted: { ...interrupted, sentInAll: 1.2 * SIZE } }],
  ['sends no bytes', { interrupted: { ...interrupted, again } }],
  ['through a function', { functions: { traffic: SIZE } }],
])('a demo fails the check "%s" when it is not so', (promise, change) => {
  const failed = checksOf({ ...GOOD, ...change }, SIZE).filter(({ kept }) => !kept)
  expect(failed.map((check) => check.promise)).toEqual([expect.stringContaining(promise)])
})

test('files are the same when every byte is, and neither is longer', async () => {
  const folder = temporary()
  const [one, same, other, longer] = ['abc', 'abc', 'abd', 'abcd'].map((text, at) => {
    const file = join(folder, String(at))
    writeFileSync(file, text)
    return file
  })
  expect(await sameBytes(one ?? '', same ?? '')).toBe(true)
  expect(await sameBytes(one ?? '', other ?? '')).toBe(false)
  expect(await sameBytes(one ?? '', longer ?? '')).toBe(false)
  expect(await sameBytes(longer ?? '', one ?? '')).toBe(false)
})

test('the demo finds a file of its own, and takes any that is named', async () => {
  const folder = temporary()
  const found = await givenFile(undefined, folder)
  expect(found.size).toBeGreaterThan(10_000_000)
  expect(found.size).toBeLessThanOrEqual(128 * 1024 ** 2)
  expect(await givenFile(found.file, folder)).toMatchObject({ file: found.file, size: found.size })
  await expect(givenFile(join(folder, 'none'), folder)).rejects.toThrow('is not a file')
  await expect(givenFile(folder, folder)).rejects.toThrow('is not a file')
})

function sent(change: Partial<Facts['raw']['up']['uploaded']> = {}) {
  return { fileHash: 'a', sentBytes: SIZE, duplicate: false, functionCalls: 2, ...change }
}

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}
