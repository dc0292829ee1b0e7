import { digestSlice } from './digest-slice.ts'
import type { HashAnswer, HashJob } from './hash-pool.ts'

/** A Web Worker that digests slices of Blobs. Bundled by itself; its address goes to createHashPool. */
async function answerTo({ id, blob, sizes }: HashJob): Promise<HashAnswer> {
  try {
    return { id, digest: await digestSlice(blob, sizes) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

addEventListener('message', ({ data }: MessageEvent<HashJob>) => {
  void answerTo(data).then((answer) => postMessage(answer))
})
