/** The service's limits for one start call (docs/api.md). */
const FILES_PER_CALL = 100
const PARTS_PER_CALL = 20_000
/** So much content is worth a call of its own; sending need not wait for more files to be hashed. */
const BYTES_PER_CALL = 64 * 1024 * 1024

type Sized = { layout: { fileSize: number; partCount: number } }

/** Groups files for the start call: in order, as many as one call takes, fewer when they are large. */
export async function* batchesOf<T extends Sized>(files: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = []
  let parts = 0
  let bytes = 0
  for await (const file of files) {
    if (batch.length > 0 && parts + file.layout.partCount > PARTS_PER_CALL) {
      yield batch
      batch = []
      parts = 0
      bytes = 0
    }
    batch.push(file)
    parts += file.layout.partCount
    bytes += file.layout.fileSize
    if (batch.length < FILES_PER_CALL && bytes < BYTES_PER_CALL) continue
    yield batch
    batch = []
    parts = 0
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

/** Reads one item ahead, so that the next is made while this one is used. */
export async function* oneAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  let next = iterator.next()
  for (;;) {
    const { value, done } = await next
    if (done) return
    next = iterator.next()
    // Whoever stops reading must not be left with an unhandled rejection.
    next.catch(() => {})
    yield value
  }
}
