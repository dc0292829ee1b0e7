import { expect, test } from 'vitest'
import { joinWirePath, refusedPath } from '../../../lib/client/wire-path.ts'

test('ordinary, foreign and long names are sent as they are', () => {
  for (const path of [
    'a',
    'a/b.txt',
    'ä/日本/🙂',
    '...',
    '.hidden',
    'a b',
    'a\\b',
    'x'.repeat(1024),
  ]) {
    expect(refusedPath(path)).toBeUndefined()
  }
})

test('what the service would refuse is refused here, with the reason', () => {
  const refused = [
    '',
    '/a',
    'a/',
    'a//b',
    '.',
    'a/../b',
    'a/.',
    'a\nb',
    'a\u0000',
    '\u007f',
    '\u0085',
    'é'.repeat(513),
  ]
  for (const path of refused) expect(refusedPath(path), JSON.stringify(path)).toBeTypeOf('string')
  expect(refusedPath('/a/')).toBe('the path begins or ends with a slash, or has two in a row')
  expect(refusedPath('\ud800')).toBe('the path is not UTF-8')
})

test('a prefix may end in slashes or be empty', () => {
  expect(joinWirePath('', 'a')).toBe('a')
  expect(joinWirePath('x/y/', 'a')).toBe('x/y/a')
  expect(joinWirePath('x', 'a')).toBe('x/a')
})
