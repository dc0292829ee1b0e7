import { expect, test } from 'vitest'
import { makeCrc32, makeCrc32c, makeCrc64Nvme } from './crc.ts'

/** The check values of the CRC catalogue, over these nine bytes. */
const CHECK = ['123', '', '456789'].map((piece) => Buffer.from(piece))

test.each([
  ['CRC-32', makeCrc32, 'cbf43926'],
  ['CRC-32C', makeCrc32c, 'e3069283'],
  ['CRC-64/NVME', makeCrc64Nvme, 'ae8b14860a799888'],
])('%s gives its published check value, however the bytes are cut', (_, make, value) => {
  const crc = make()
  for (const piece of CHECK) crc.update(piece)
  expect(crc.digest().toString('hex')).toBe(value)
})
