import { averageBytesOf, chunkSizesOf } from '../../content/chunk-sizes.ts'
import { layoutOf, partRange } from '../../content/layout.ts'
import { CHANGED_MESSAGE, type DigestOptions, type Source } from '../source.ts'
import type { SliceDigest } from './digest-slice.ts'
import { createHashPool, type HashPool } from './hash-pool.ts'
import { sendSlice } from './send-slice.ts'

/** Slices being digested are in memory whole; together they stay under this, unless one part alone is larger. */
const HASHING_BYTES_MAX = 256 * 1024 * 1024

/**
 * A Blob or File of a browser. Parts are slices, read when they are hashed or sent. A file that was changed since it was
 * chosen cannot be read any more, so it never sends other bytes than it hashed, and need not be hashed twice.
 */
export function blobSource(blob: Blob, pool: HashPool = createHashPool()): Source {
  let hashed: SliceDigest[] | undefined

  async function changed(): Promise<boolean> {
    const readable = blob.slice(0, 1).arrayBuffer()
    return readable.then(
      () => false,
      () => true,
    )
  }

  async function hash(options: DigestOptions): Promise<SliceDigest[]> {
    try {
      return await digestParts(blob, pool, options)
    } catch (error) {
      options.signal.throwIfAborted()
      throw (await changed()) ? new Error(CHANGED_MESSAGE) : error
    }
  }

  return {
    size: blob.size,
    changed,
    digest: async (options) => {
      if (options.md5)
        throw new Error('this store needs MD5, which browsers do not offer; use the command line')
      if (hashed) options.onBytes(blob.size)
      hashed ??= await hash(options)
      for (const [index, { stretch }] of hashed.entries()) {
        if (stretch) options.onStretch?.(index + 1, stretch)
      }
      return hashed
    },
    read: async (offset, length) => {
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
    },
    send: async (request) => {
      // Within a part a browser cannot be held back: a limit holds on average.
      await request.pace?.(request.length)
      return await sendSlice(blob, request)
    },
  }
}

async function digestParts(
  blob: Blob,
  pool: HashPool,
  { signal, onBytes, onStretch }: DigestOptions,
): Promise<SliceDigest[]> {
  const layout = layoutOf(blob.size)
  const sizes = onStretch && chunkSizesOf(averageBytesOf(blob.size))
  const digests: SliceDigest[] = new Array(layout.partCount)
  let next = 1
  async function lane(): Promise<void> {
    while (next <= layout.partCount) {
      signal.throwIfAborted()
      const number = next
      next += 1
      const { offset, length } = partRange(layout, number)
      digests[number - 1] = await pool.digest(blob.slice(offset, offset + length), sizes)
      onBytes(length)
    }
  }
  const fitting = Math.max(1, Math.floor(HASHING_BYTES_MAX / layout.partSize))
  const lanes = Array.from({ length: Math.min(pool.lanes, fitting) }, lane)
  try {
    await Promise.all(lanes)
  } finally {
    // When one lane fails, the others need not go on.
    next = layout.partCount + 1
  }
  return digests
}
