import type { Chunks } from '../content/chunk.ts'
import { encodeManifest } from '../content/encode-manifest.ts'
import { type Sketch, sketchOf } from '../content/sketch.ts'
import { base64Of } from './base64.ts'
import type { FileAsk } from './wire.ts'

/** What a file's content looks like: what a delta, and the search for similar files, need of it. */
export type Outline = {
  chunks: Chunks
  manifest: Uint8Array<ArrayBuffer>
  /** Of the manifest, in base64. */
  sha256: string
  sketch: Sketch
}

export async function outlineOf(fileHash: string, chunks: Chunks): Promise<Outline> {
  const manifest = await encodeManifest({ fileHash, chunks })
  const digest = await crypto.subtle.digest('SHA-256', manifest)
  return { chunks, manifest, sha256: base64Of(new Uint8Array(digest)), sketch: sketchOf(chunks) }
}

/** The outline as the start call declares it. */
export function declared({ manifest, sha256, sketch }: Outline): Partial<FileAsk> {
  const { distinctBytes, bins } = sketch
  return {
    manifest: { bytes: manifest.length, sha256 },
    sketch: { distinctBytes, bins: base64Of(bins) },
  }
}
