const SEED = 0x4a455454
const GOLDEN = 0x9e3779b9

/**
 * A random 32-bit number for each byte value: successive outputs of splitmix32 from the seed 0x4A455454 ("JETT").
 * Published in docs/chunking-vectors.json; another table finds other chunks.
 */
export const GEAR = Int32Array.from({ length: 256 }, (_, byte) => mix(SEED + (byte + 1) * GOLDEN))

/** The finalizer of MurmurHash3 (Appleby), which splitmix generators use: each bit of the input turns half of the output. */
function mix(value: number): number {
  let z = value | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return z ^ (z >>> 16)
}
