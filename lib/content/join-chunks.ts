import { type Chunks, chunkIdOf, type Digest, sha256 } from './chunk.ts'
import { type ChunkList, createChunkList } from './chunk-list.ts'
import { averageBytesOf, chunkSizesOf } from './chunk-sizes.ts'
import { layoutOf, partRange } from './layout.ts'
import { createSlicer } from './slicer.js'

/** Reads grow up to this where stretches keep out of step, in bytes. */
const READ_BYTES_MAX = 1024 * 1024

/** The chunks that end in one part, cut as if the file began there; what follows the last of them is not among them. */
export type Stretch = { lengths: Uint32Array; ids: Float64Array }

export type Joiner = {
  /** Takes the stretches of the parts, in any order. */
  add: (partNumber: number, stretch: Stretch) => void
  /** The chunks of the whole file, once every part's stretch is there. */
  end: () => Promise<Chunks>
}

export type JoinOptions = {
  fileSize: number
  /** Bytes of the file; they are good until the next ones are asked for. */
  read: (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>
  digest?: Digest
}

/**
 * Makes the chunks of a file from those of its parts, which can so be cut side by side: exactly those that `chunkFile`
 * finds. What a cutter finds after an end depends on nothing before it. So each time it cuts on from the last true end into the
 * next part, until one of its ends is one of the stretch's, too (of random bytes after some 40 KiB); all that follow are
 * then right. Where none is, because a chunk of zeros repeats, say, it cuts that part itself.
 */
export function createJoiner({ fileSize, read, digest = sha256 }: JoinOptions): Joiner {
  const layout = layoutOf(fileSize)
  const list = createChunkList(fileSize, averageBytesOf(fileSize))
  const waiting = new Map<number, Stretch>()
  const file = { fileSize, read, digest, list }
  let next = 1
  let joining = Promise.resolve()

  async function join(partNumber: number, stretch: Stretch): Promise<void> {
    const rest = createRest(partRange(layout, partNumber).offset, stretch)
    const isEnough = (end: number) => rest.isIn(end) || end >= rest.last
    if (!isEnough(list.end())) await cutOn(file, isEnough)
    if (rest.isIn(list.end())) rest.addTo(list)
  }

  return {
    add: (partNumber, stretch) => {
      waiting.set(partNumber, stretch)
      for (let ready = waiting.get(next); ready; ready = waiting.get(next)) {
        const [number, one] = [next, ready]
        waiting.delete(next)
        next += 1
        joining = joining.then(() => join(number, one))
        // Told at the end.
        joining.catch(() => {})
      }
    },
    end: async () => {
      await joining
      await cutOn(file, () => false)
      return list.chunks()
    },
  }
}

type Cutting = Required<JoinOptions> & { list: ChunkList }

/** Lists the chunks that follow the last one, until the end of one will do, or up to the end of the file. */
async function cutOn(file: Cutting, isEnough: (end: number) => boolean): Promise<void> {
  const { list, digest } = file
  const slicer = createSlicer(chunkSizesOf(averageBytesOf(file.fileSize)))
  for await (const bytes of slicesFrom(list.end(), file)) {
    for (const chunk of slicer.push(bytes)) {
      list.add(chunk.length, chunkIdOf(await digest(chunk)))
      if (isEnough(list.end())) return
    }
  }
  const last = slicer.rest()
  if (last.length > 0) list.add(last.length, chunkIdOf(await digest(last)))
}

/** The first one holds a whole chunk; they grow, because where that was not enough, much may follow. */
async function* slicesFrom(offset: number, { fileSize, read }: Cutting) {
  const { maxBytes } = chunkSizesOf(averageBytesOf(fileSize))
  let length = maxBytes
  for (let at = offset; at < fileSize; ) {
    const bytes = await read(at, Math.min(length, fileSize - at))
    if (bytes.length === 0) throw new RangeError('The file became shorter while it was read')
    yield bytes
    at += bytes.length
    length = Math.max(maxBytes, Math.min(length * 2, READ_BYTES_MAX))
  }
}

/** What of a stretch comes after an end that is one of its own; its beginning counts as one. */
function createRest(offset: number, { lengths, ids }: Stretch) {
  let at = offset
  let index = 0
  return {
    /** Where its last chunk ends. */
    last: lengths.reduce((sum, length) => sum + length, offset),
    /** Ends must be asked for in order. */
    isIn: (end: number): boolean => {
      for (; at < end && index < lengths.length; index++) at += lengths[index] ?? 0
      return at === end
    },
    addTo: (list: ChunkList): void => {
      for (; index < lengths.length; index++) list.add(lengths[index] ?? 0, ids[index] ?? 0)
    },
  }
}
