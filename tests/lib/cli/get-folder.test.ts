import { expect, test } from 'vitest'
import { localPathOf } from '../../../lib/cli/get-folder.ts'

test('a stored path keeps its folders under the target', () => {
  expect(localPathOf('out', 'a/b c/ü.txt')).toBe('out/a/b c/ü.txt')
})

test.each(['../x', 'a/../../x', '/etc/passwd', 'a//b', './a', ''])(
  '%j does not lead out of the folder',
  (path) => {
    expect(() => localPathOf('out', path)).toThrow(/cannot be kept/)
  },
)
