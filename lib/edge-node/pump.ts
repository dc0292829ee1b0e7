import type { Readable, Writable } from 'node:stream'

/** Where the bytes of a body go, seen from outside: what to do per chunk, and whether the reader is the slow one. */
export type Pump = { stop: () => void; isWaitingForReader: () => boolean }

/**
 * Moves a body from one connection to another at the pace of the slower of the two: while the reader cannot take more,
 * nothing is read from the sender, so neither side's buffers grow. `onChunk` runs before a chunk is passed on and may
 * refuse it, which stops the pump; `onEnd` runs after the last.
 */
export function pump(
  from: Readable,
  to: Writable,
  hooks: { onChunk: (bytes: number) => boolean; onEnd: () => void },
): Pump {
  const onData = (chunk: Buffer) => {
    if (!hooks.onChunk(chunk.length)) stop()
    else if (!to.write(chunk)) from.pause()
  }
  const onDrain = () => from.resume()
  const stop = () => {
    from.off('data', onData)
    from.off('end', hooks.onEnd)
    to.off('drain', onDrain)
  }
  from.on('data', onData)
  from.on('end', hooks.onEnd)
  to.on('drain', onDrain)
  return { stop, isWaitingForReader: () => from.isPaused() }
}
