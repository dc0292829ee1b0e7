// Hashes slices of an open file on its own thread, and cuts them into chunks where that is asked for. Plain JavaScript, so
// that it needs no loader. File descriptors belong to the process: the number that the main thread opened is good here.
// Synchronous reads of 1 MiB into one buffer cost half the CPU of a stream; what is cut is still in the cache.
import { createHash, hash } from 'node:crypto'
import { readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { createSlicer } from '../../content/slicer.js'

const slice = Buffer.allocUnsafeSlow(1024 * 1024)

parentPort.on('message', ({ id, fd, offset, length, md5, sizes }) => {
  try {
    parentPort.postMessage({ id, ...digest({ fd, offset, length, md5, sizes }) })
  } catch (error) {
    parentPort.postMessage({ id, error: error.message })
  }
})

function digest({ fd, offset, length, md5, sizes }) {
  const sha256 = createHash('sha256')
  const second = md5 ? createHash('md5') : undefined
  const stretch = sizes ? createStretch(sizes) : undefined
  for (let at = 0; at < length; ) {
    const read = readSync(fd, slice, 0, Math.min(slice.length, length - at), offset + at)
    if (read === 0) throw new Error('the file became shorter while it was read')
    const bytes = slice.subarray(0, read)
    sha256.update(bytes)
    second?.update(bytes)
    stretch?.push(bytes)
    at += read
  }
  return { sha256: sha256.digest(), md5: second?.digest(), stretch: stretch?.end() }
}

/** The chunks of a slice that end in it (lib/content/join-chunks.ts). */
function createStretch(sizes) {
  const slicer = createSlicer(sizes)
  const lengths = []
  const ids = []
  return {
    push: (bytes) => {
      for (const chunk of slicer.push(bytes)) {
        lengths.push(chunk.length)
        ids.push(hash('sha256', chunk, 'buffer').readUIntBE(0, 6))
      }
    },
    end: () => ({ lengths: Uint32Array.from(lengths), ids: Float64Array.from(ids) }),
  }
}
