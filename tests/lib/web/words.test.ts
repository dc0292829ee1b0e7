import { expect, test } from 'vitest'
import {
  bytesInWords,
  percentInWords,
  secondsInWords,
  sentInWords,
} from '../../../lib/web/upload/words.ts'

test.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1024, '1.0 KiB'],
  [1.5 * 1024 ** 3, '1.5 GiB'],
  [5 * 1024 ** 4, '5.0 TiB'],
  [0.4, '0 bytes'],
])('%d bytes are %s', (bytes, words) => {
  expect(bytesInWords(bytes)).toBe(words)
})

test.each([
  [0, '1 s'],
  [59.2, '1 min 0 s'],
  [130, '2 min 10 s'],
  [3900, '1 h 5 min'],
])('%d seconds are %s', (seconds, words) => {
  expect(secondsInWords(seconds)).toBe(words)
})

test('a percentage is reached, not rounded up, and nothing is done of nothing', () => {
  expect([percentInWords(999, 1000), percentInWords(5, 5), percentInWords(0, 0)]).toEqual([
    '99 %',
    '100 %',
    '100 %',
  ])
})

const MIB = 1024 ** 2
test.each([
  [256 * MIB, 0, 'sent 256.0 MiB'],
  [10.5 * MIB, 245.5 * MIB, 'sent 10.5 MiB of 256.0 MiB (4 %)'],
  [0.1 * MIB, 256 * MIB, 'sent 102.4 KiB of 256.0 MiB (0.04 %)'],
])('%d bytes sent and %d copied are %s', (sentBytes, copiedBytes, words) => {
  expect(sentInWords({ sentBytes, copiedBytes, fileSize: 256 * MIB })).toBe(words)
})
