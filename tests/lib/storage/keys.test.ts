import { expect, test } from 'vitest'
import { newObjectKey } from '../../../lib/storage/keys.ts'

test("a key lies under its account's own prefix and ends in 128 random bits", () => {
  const keys = Array.from({ length: 1_000 }, () => newObjectKey('a:b@c.d_e-F9'))
  expect(keys[0]).toMatch(/^users\/a:b@c\.d_e-F9\/[0-9a-f]{32}$/)
  expect(new Set(keys).size).toBe(keys.length)
})

test('a user id that could leave its prefix gets no key', () => {
  for (const userId of ['', '.', '..', 'a/b', '../b', 'a b', 'a\n', 'ä', '%2e', 'x'.repeat(129)]) {
    expect(() => newObjectKey(userId), userId).toThrow(RangeError)
  }
  expect(newObjectKey('...')).toMatch(/^users\/\.\.\.\//)
  expect(newObjectKey('x'.repeat(128))).toHaveLength(6 + 128 + 33)
})
