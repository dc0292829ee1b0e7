import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'

/** A fresh copy of the module under another list of master keys. */
async function underKeys(list: string) {
  vi.resetModules()
  process.env.JETTY_MASTER_KEY = list
  return await import('../../../lib/accounts/seal.ts')
}
const newKey = () => randomBytes(32).toString('base64')

test('any text comes back from where it was sealed for, and from nowhere else', async () => {
  const { seal, unseal } = await underKeys(newKey())
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.string(), (text, context, other) => {
      const sealed = seal(text, context)
      expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+$/)
      expect(unseal(sealed, context)).toBe(Buffer.from(text).toString())
      if (other !== context) expect(unseal(sealed, other)).toBeNull()
    }),
  )
})

test('the same text is never sealed alike', async () => {
  const { seal } = await underKeys(newKey())
  expect(new Set(Array.from({ length: 100 }, () => seal('text', 'context'))).size).toBe(100)
})

test('whatever is altered, cut off or added opens nothing', async () => {
  const { seal, unseal } = await underKeys(newKey())
  const sealed = seal('a secret', 'context')
  for (let at = 0; at < sealed.length - 1; at++) {
    const other = sealed[at] === 'a' ? 'b' : 'a'
    expect(unseal(sealed.slice(0, at) + other + sealed.slice(at + 1), 'context')).toBeNull()
    expect(unseal(sealed.slice(0, at), 'context')).toBeNull()
  }
  for (const text of ['', 'v1', 'v1.00000000.AAAA', `${sealed}AAAA`, `v2${sealed.slice(2)}`])
    expect(unseal(text, 'context')).toBeNull()
})

test('with a new master key before the old one, old seals open and new ones are under the new', async () => {
  const [older, newer] = [newKey(), newKey()]
  const old = (await underKeys(older)).seal('kept', 'context')
  const both = await underKeys(`${newer}, ${older}`)
  expect(both.unseal(old, 'context')).toBe('kept')
  const young = both.seal('young', 'context')
  expect(young.split('.')[1]).not.toBe(old.split('.')[1])
  const alone = await underKeys(newer)
  expect(alone.unseal(young, 'context')).toBe('young')
  expect(alone.unseal(old, 'context')).toBeNull()
})
