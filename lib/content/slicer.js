// Plain JavaScript like cut.js; types and promises stand in slicer.d.ts.
import { createCutter } from './cut.js'

export function createSlicer(sizes) {
  const cutter = createCutter(sizes)
  let kept = new Uint8Array()
  // What push gave may lie in the one while the other takes the beginning of the next chunk.
  let spare = new Uint8Array()
  let length = 0

  function push(bytes) {
    const chunks = []
    let start = 0
    for (let end = cutter.next(bytes, 0); end > 0; end = cutter.next(bytes, end)) {
      chunks.push(join(bytes.subarray(start, end)))
      start = end
    }
    keep(bytes.subarray(start))
    return chunks
  }

  function keep(more) {
    if (more.length === 0) return
    if (kept.length === 0) kept = new Uint8Array(sizes.maxBytes)
    kept.set(more, length)
    length += more.length
  }

  function join(rest) {
    if (length === 0) return rest
    keep(rest)
    const whole = kept.subarray(0, length)
    const other = spare
    spare = kept
    kept = other
    length = 0
    return whole
  }

  return { push, rest: () => kept.subarray(0, length) }
}
