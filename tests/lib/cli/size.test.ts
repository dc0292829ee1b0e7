import { expect, test } from 'vitest'
import { sizeOf } from '../../../lib/cli/size.ts'

test.each([
  ['0', 0],
  ['4096', 4096],
  ['4096b', 4096],
  ['10GB', 10e9],
  ['10g', 10e9],
  ['1.5GiB', 1.5 * 1024 ** 3],
  ['5 TiB', 5 * 1024 ** 4],
  ['500kB', 500_000],
  ['1Mi', 1024 ** 2],
])('%s is %d bytes', (text, bytes) => {
  expect(sizeOf(text)).toBe(bytes)
})

test.each(['', '-1', 'ten', '1e9', '10 parsecs', 'GB', '1iB', '0x10', '99999999TB'])(
  '%j is no size',
  (text) => {
    expect(() => sizeOf(text)).toThrow('--size takes bytes')
  },
)
