import { randomBytes } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync } from 'node:fs'
import { open, unlink } from 'node:fs/promises'
import { join } from 'node:path'

const READ_BYTES = 256 * 1024
const WRITE_BYTES = 256 * 1024

/** A run of bytes inside a file. Objects and parts are lists of these, so that completing and copying move nothing. */
export type Segment = { blob: string; offset: number; length: number }

/** The files that hold the bytes. Each is written once and goes when no object, part or reader needs it. */
export type Blobs = {
  /** Writes a stream to a new file, passing each piece to `see`; when either fails, nothing stays. */
  write(source: AsyncIterable<Buffer>, see: (piece: Buffer) => void): Promise<Segment>
  read(segments: Segment[]): AsyncGenerator<Buffer>
  retain(segments: Segment[]): void
  release(segments: Segment[]): void
  /** Removes files nobody retained: what a crash left behind. */
  sweep(): Promise<void>
}

export function openBlobs(folder: string): Blobs {
  mkdirSync(folder, { recursive: true })
  const references = new Map<string, number>()
  const fileOf = (blob: string) => join(folder, blob)
  const remove = (blob: string) => unlink(fileOf(blob)).catch(() => {})

  const blobs: Blobs = {
    async write(source, see) {
      const blob = randomBytes(16).toString('hex')
      // Retained while it is written, so that a sweep leaves it alone; the caller's own reference replaces this one.
      references.set(blob, 1)
      try {
        const length = await writeFile(fileOf(blob), source, see)
        return { blob, offset: 0, length }
      } catch (error) {
        references.delete(blob)
        await remove(blob)
        throw error
      }
    },
    async *read(segments) {
      blobs.retain(segments)
      try {
        for (const { blob, offset, length } of segments) {
          if (length === 0) continue
          const range = { start: offset, end: offset + length - 1, highWaterMark: READ_BYTES }
          yield* createReadStream(fileOf(blob), range)
        }
      } finally {
        blobs.release(segments)
      }
    },
    retain(segments) {
      for (const { blob } of segments) references.set(blob, (references.get(blob) ?? 0) + 1)
    },
    release(segments) {
      for (const { blob } of segments) {
        const left = (references.get(blob) ?? 0) - 1
        if (left > 0) references.set(blob, left)
        else if (references.delete(blob)) remove(blob)
      }
    },
    async sweep() {
      const unused = readdirSync(folder).filter((blob) => !references.has(blob))
      await Promise.all(unused.map(remove))
    },
  }
  return blobs
}

/** The segments that make up `length` bytes from `offset` on. */
export function sliceSegments(segments: Segment[], offset: number, length: number): Segment[] {
  const slice: Segment[] = []
  let skip = offset
  let wanted = length
  for (const segment of segments) {
    if (wanted === 0) break
    const taken = Math.min(wanted, segment.length - skip)
    if (taken > 0) {
      slice.push({ blob: segment.blob, offset: segment.offset + skip, length: taken })
      wanted -= taken
    }
    skip = Math.max(0, skip - segment.length)
  }
  return slice
}

async function writeFile(
  path: string,
  source: AsyncIterable<Buffer>,
  see: (piece: Buffer) => void,
): Promise<number> {
  const file = await open(path, 'wx')
  try {
    let length = 0
    let batch: Buffer[] = []
    let batchBytes = 0
    let writing: Promise<void> = Promise.resolve()

    for await (const piece of source) {
      see(piece)
      length += piece.length
      batchBytes += piece.length
      batch.push(piece)
      if (batchBytes < WRITE_BYTES) continue
      // One batch is on its way to the disk while the next one is received and hashed: two in memory, never more.
      await writing
      writing = file.appendFile(Buffer.concat(batch))
      writing.catch(() => {})
      batch = []
      batchBytes = 0
    }
    await writing
    await file.appendFile(Buffer.concat(batch))
    return length
  } finally {
    await file.close()
  }
}
