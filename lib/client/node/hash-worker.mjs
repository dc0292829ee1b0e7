// Hashes slices of an open file on its own thread. Plain JavaScript, so that it needs no loader. File descriptors belong
// to the process: the number that the main thread opened is good here. Synchronous reads of 1 MiB into one buffer cost
// half the CPU of a stream.
import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'

const slice = Buffer.allocUnsafeSlow(1024 * 1024)

parentPort.on('message', ({ id, fd, offset, length, md5 }) => {
  try {
    parentPort.postMessage({ id, ...digest({ fd, offset, length, md5 }) })
  } catch (error) {
    parentPort.postMessage({ id, error: error.message })
  }
})

function digest({ fd, offset, length, md5 }) {
  const sha256 = createHash('sha256')
  const second = md5 ? createHash('md5') : undefined
  for (let at = 0; at < length; ) {
    const read = readSync(fd, slice, 0, Math.min(slice.length, length - at), offset + at)
    if (read === 0) throw new Error('the file became shorter while it was read')
    const bytes = slice.subarray(0, read)
    sha256.update(bytes)
    second?.update(bytes)
    at += read
  }
  return { sha256: sha256.digest(), md5: second?.digest() }
}
