/** Large enough that a read costs little beside the copy, small enough that progress tells a slow connection early. */
const BUFFER_BYTES = 128 * 1024
/** One is read while the other leaves. What is written ahead of that leaves in one go, and tells nothing while it does. */
const BUFFERS_PER_RING = 2

/** Up to two buffers for one transfer; `take` waits for one to come back. */
export type BufferRing = {
  take: () => Promise<Buffer>
  give: (buffer: Buffer) => void
  /** No buffer will be taken any more; those still out go back to the pool when they are given. */
  done: () => void
}

/** Buffers of 128 KiB, shared by the transfers that follow one another. */
export function createBufferPool(): { ring: () => BufferRing } {
  const spare: Buffer[] = []
  return { ring: () => createRing(spare) }
}

function createRing(spare: Buffer[]): BufferRing {
  const idle: Buffer[] = []
  let made = 0
  let finished = false
  let waiting: ((buffer: Buffer) => void) | undefined

  return {
    take: () => {
      const buffer = idle.pop() ?? (made < BUFFERS_PER_RING ? next() : undefined)
      if (buffer) return Promise.resolve(buffer)
      return new Promise((resolve) => {
        waiting = resolve
      })
    },
    give: (buffer) => {
      if (waiting) {
        const resolve = waiting
        waiting = undefined
        resolve(buffer)
      } else if (finished) spare.push(buffer)
      else idle.push(buffer)
    },
    done: () => {
      finished = true
      spare.push(...idle.splice(0))
    },
  }

  function next(): Buffer {
    made += 1
    return spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
  }
}
