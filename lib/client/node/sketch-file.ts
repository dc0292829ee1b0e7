import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { contentIdOf } from '../../content/content-id.ts'
import { createJoiner } from '../../content/join-chunks.ts'
import { type Sketch, sketchOf } from '../../content/sketch.ts'
import { fileSource, type NodeTools } from './file-source.ts'

/** What the service compares a file by, found in one pass on all cores. */
export type Sketched = { fileSize: number; fileHash: string; sketch: Sketch }

/** The content id and the sketch of a file on disk as it is now. */
export async function sketchFile(
  file: string,
  { tools, signal }: { tools: NodeTools; signal: AbortSignal },
): Promise<Sketched> {
  const { size: fileSize, digest, read } = fileSource(file, await statOf(file), tools)
  const joiner = createJoiner({ fileSize, read, digest: sha256 })
  const digests = await digest({ md5: false, signal, onBytes: () => {}, onStretch: joiner.add })
  const fileHash = await contentIdOf(digests.map((part) => part.sha256))
  return { fileSize, fileHash, sketch: sketchOf(await joiner.end()) }
}

async function statOf(file: string) {
  const stats = await stat(file, { bigint: true })
  // Opening a pipe waits for its writer, and nothing could interrupt that.
  if (!stats.isFile()) throw new Error('not a regular file')
  return stats
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest()
}
