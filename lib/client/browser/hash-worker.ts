import type { HashAnswer, HashJob } from './hash-pool.ts'

/** A Web Worker that digests slices of Blobs. Bundled by itself; its address goes to createHashPool. */
async function answerTo({ id, blob }: HashJob): Promise<HashAnswer> {
  try {
    return { id, sha256: new Uint8Array(await digestOf(blob)) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

async function digestOf(blob: Blob): Promise<ArrayBuffer> {
  return await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
}

addEventListener('message', ({ data }: MessageEvent<HashJob>) => {
  void answerTo(data).then((answer) => postMessage(answer))
})
