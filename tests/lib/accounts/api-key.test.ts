import { randomBytes } from 'node:crypto'
import { expect, test, vi } from 'vitest'

/** A fresh copy of the module under another list of master keys. */
async function underKeys(list: string) {
  vi.resetModules()
  process.env.JETTY_MASTER_KEY = list
  return await import('../../../lib/accounts/api-key.ts')
}
const newKey = () => randomBytes(32).toString('base64')

test('a key made here is known by its tag; any other character makes it a stranger', async () => {
  const { newApiKey, isApiKey, hashApiKey } = await underKeys(newKey())
  const key = newApiKey()
  expect(key).toMatch(/^jt_live_[\w-]{44}$/)
  expect(isApiKey(key)).toBe(true)
  for (let at = 0; at < key.length; at++) {
    const other = key[at] === 'x' ? 'y' : 'x'
    expect(isApiKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false)
  }
  for (const text of ['', 'jt_live_', key.slice(0, -1), `${key}A`, ` ${key}`, `${key}\n`])
    expect(isApiKey(text)).toBe(false)
  expect(hashApiKey(key)).toMatch(/^[0-9a-f]{64}$/)
})

test('what was made under any listed master key stays valid, under a dropped one it does not', async () => {
  const [older, newer] = [newKey(), newKey()]
  const made = (await underKeys(older)).newApiKey()
  expect((await underKeys(`${newer},${older}`)).isApiKey(made)).toBe(true)
  expect((await underKeys(newer)).isApiKey(made)).toBe(false)
})
