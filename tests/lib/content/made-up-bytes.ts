/**
 * Random bytes that are the same everywhere: successive outputs of splitmix32 from the seed (docs/chunking-vectors.json),
 * each as four bytes, the highest first.
 */
export function madeUpBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(Math.ceil(length / 4) * 4))
  for (let at = 0; at < length; at += 4) {
    view.setInt32(at, mix((seed + (at / 4 + 1) * 0x9e3779b9) | 0))
  }
  return new Uint8Array(view.buffer, 0, length)
}

/** A random number from 0 up to `below`, the next of a sequence that the seed decides. */
export function madeUpNumbers(seed: number): (below: number) => number {
  let count = 0
  return (below) => {
    count += 1
    return Math.floor(((mix((seed + count * 0x9e3779b9) | 0) >>> 0) / 2 ** 32) * below)
  }
}

function mix(value: number): number {
  let z = value
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return z ^ (z >>> 16)
}
