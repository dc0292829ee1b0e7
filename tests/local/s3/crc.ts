import { crc32 } from 'node:zlib'

/** A running CRC: feed it pieces, then read the value, big-endian as S3 writes it. */
export type Crc = { update(piece: Buffer): void; digest(): Buffer }

/** CRC-32 (zlib's own). */
export function makeCrc32(): Crc {
  let value = 0
  return {
    update(piece) {
      value = crc32(piece, value)
    },
    digest: () => words(value),
  }
}

/** CRC-32C (Castagnoli; RFC 3720, appendix B.4). */
export function makeCrc32c(): Crc {
  let value = ~0
  return {
    update(piece) {
      for (const byte of piece) {
        value = (value >>> 8) ^ (CASTAGNOLI[(value ^ byte) & 0xff] ?? 0)
      }
    },
    digest: () => words(~value),
  }
}

/** CRC-64/NVME, in two halves of 32 bits: JavaScript's 64-bit integers are far slower. */
export function makeCrc64Nvme(): Crc {
  let high = ~0
  let low = ~0
  return {
    update(piece) {
      for (const byte of piece) {
        const index = (low ^ byte) & 0xff
        low = ((low >>> 8) | (high << 24)) ^ (NVME_LOW[index] ?? 0)
        high = (high >>> 8) ^ (NVME_HIGH[index] ?? 0)
      }
    },
    digest: () => words(~high, ~low),
  }
}

const CASTAGNOLI = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

// The reflected polynomial of NVM Express, 0x9a6c9329ac4bc9b5.
const NVME = Array.from({ length: 256 }, (_, index) => {
  let value = BigInt(index)
  for (let bit = 0; bit < 8; bit++) {
    value = value & 1n ? (value >> 1n) ^ 0x9a6c9329ac4bc9b5n : value >> 1n
  }
  return value
})
const NVME_HIGH = Int32Array.from(NVME, (value) => Number(BigInt.asIntN(32, value >> 32n)))
const NVME_LOW = Int32Array.from(NVME, (value) => Number(BigInt.asIntN(32, value)))

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeInt32BE(value | 0, index * 4)
  return bytes
}
