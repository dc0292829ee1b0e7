import { contentIdOf } from '../content/content-id.ts'
import { createJoiner, type Joiner } from '../content/join-chunks.ts'
import { layoutOf } from '../content/layout.ts'
import { COPY_SOURCE_BYTES_MIN } from '../content/plan-delta.ts'
import type { Entry, FileToUpload } from './entry.ts'
import { messageOf } from './failure.ts'
import { type Outline, outlineOf } from './outline.ts'
import type { Run } from './run.ts'

/** Hashes files one after the other; one that cannot be read is settled here and does not stop the others. */
export async function* hashAll(
  run: Run,
  files: AsyncIterable<FileToUpload> | Iterable<FileToUpload>,
): AsyncGenerator<Entry> {
  for await (const file of files) {
    run.signal.throwIfAborted()
    run.latch.begin()
    try {
      yield await hash(run, file)
    } catch (error) {
      run.signal.throwIfAborted()
      run.meter.skipped(file.source.size)
      run.meter.fileDone()
      run.settled({ file, error: error instanceof Error ? error : new Error(messageOf(error)) })
      run.latch.end()
    }
  }
}

async function hash(run: Run, file: FileToUpload): Promise<Entry> {
  const startedAt = performance.now()
  const { source } = file
  const joiner = isWorthAnOutline(run, file)
    ? createJoiner({ fileSize: source.size, read: source.read })
    : null
  const digests = await source.digest({
    md5: run.md5,
    signal: run.signal,
    onBytes: (bytes) => run.meter.hashed(bytes),
    onStretch: joiner?.add,
  })
  const fileHash = await contentIdOf(digests.map(({ sha256 }) => sha256))
  const outline = joiner && (await finish(run, joiner, fileHash))
  return { ...blankEntry(file), startedAt, digests, fileHash, outline }
}

/** A smaller file cannot be a base; for a store in md5 mode there are no deltas. */
function isWorthAnOutline({ isDelta, md5 }: Run, { source }: FileToUpload): boolean {
  return isDelta && !md5 && source.size > COPY_SOURCE_BYTES_MIN
}

/** The upload goes without, if need be. */
async function finish(run: Run, joiner: Joiner, fileHash: string): Promise<Outline | null> {
  try {
    return await outlineOf(fileHash, await joiner.end())
  } catch (error) {
    run.noted(`no chunk manifest: ${messageOf(error)}`)
    return null
  }
}

function blankEntry(file: FileToUpload) {
  return {
    file,
    layout: layoutOf(file.source.size),
    functionCalls: 0,
    restarts: 0,
    accountedBytes: 0,
    copiedBytes: 0,
    manifestBytesSent: 0,
    settled: false,
    paths: {},
  }
}
