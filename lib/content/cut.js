// Plain JavaScript, so that worker threads need no loader (lib/client/node/hash-worker.mjs): one costs them half a second.
// Types and promises stand in cut.d.ts.
const SEED = 0x4a455454
const GOLDEN = 0x9e3779b9

export const GEAR = Int32Array.from({ length: 256 }, (_, byte) => mix(SEED + (byte + 1) * GOLDEN))

export function createCutter(sizes) {
  const { minBytes, maxBytes } = sizes
  const zones = [
    { until: sizes.normalBytes, mask: sizes.strictMask },
    { until: maxBytes, mask: sizes.looseMask },
  ]
  const roll = { hash: 0, mask: 0, from: 0, to: 0 }
  let length = 0

  function next(bytes, from) {
    const skipped = Math.min(Math.max(0, minBytes - length), bytes.length - from)
    length += skipped
    roll.to = from + skipped
    for (const { until, mask } of zones) {
      roll.from = roll.to
      roll.to = Math.min(bytes.length, roll.from + Math.max(0, until - length))
      roll.mask = mask
      const end = rollOver(bytes, roll)
      if (end > 0) return restart(end)
      length += roll.to - roll.from
    }
    return length === maxBytes ? restart(roll.to) : 0
  }

  function restart(end) {
    length = 0
    roll.hash = 0
    return end
  }

  return { next }
}

/**
 * Stops after the byte that makes all masked bits zero and answers where; 0 when none does, the hash then goes on. Four
 * bytes a turn take two thirds of the time of one.
 */
function rollOver(bytes, roll) {
  const { mask, to } = roll
  let { hash, from: at } = roll
  for (; at < to - 3; at += 4) {
    const one = step(hash, bytes[at])
    const two = step(one, bytes[at + 1])
    const three = step(two, bytes[at + 2])
    const four = step(three, bytes[at + 3])
    if (!(one & mask && two & mask && three & mask && four & mask)) break
    hash = four
  }
  for (; at < to; at++) {
    hash = step(hash, bytes[at])
    if ((hash & mask) === 0) return at + 1
  }
  roll.hash = hash
  return 0
}

function step(hash, byte) {
  return ((hash << 1) + GEAR[byte]) | 0
}

/** The finalizer of MurmurHash3 (Appleby), which splitmix generators use: each bit of the input turns half of the output. */
function mix(value) {
  let z = value | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return z ^ (z >>> 16)
}
