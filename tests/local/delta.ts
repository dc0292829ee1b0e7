import { createHash } from 'node:crypto'
import { POST } from '../../api/storage/copy.ts'
import { type Chunks, chunkFile } from '../../lib/content/chunk.ts'
import { encodeManifest } from '../../lib/content/encode-manifest.ts'
import { planDelta } from '../../lib/content/plan-delta.ts'
import { sketchOf } from '../../lib/content/sketch.ts'
import type { TestContent } from './content.ts'
import { type Answer, call } from './request.ts'
import { sendParts, uploader } from './uploading.ts'

/** A content as a client that chunks knows it: its manifest's bytes, and what a start says of it. */
export type Described = {
  chunks: Chunks
  manifestBytes: Buffer
  said: {
    manifest: { bytes: number; sha256: string }
    sketch: { distinctBytes: number; bins: string }
  }
}

const known = new WeakMap<TestContent, Promise<Described>>()

/** Each content is cut once, however often it is uploaded. */
export function describe(content: TestContent): Promise<Described> {
  const found = known.get(content) ?? describeAnew(content)
  known.set(content, found)
  return found
}

async function describeAnew({ bytes, fileSize, fileHash }: TestContent): Promise<Described> {
  const chunks = await chunkFile([new Uint8Array(bytes)], { fileSize })
  const manifestBytes = Buffer.from(await encodeManifest({ fileHash, chunks }))
  const { distinctBytes, bins } = sketchOf(chunks)
  const sketch = { distinctBytes, bins: Buffer.from(bins).toString('base64') }
  return { chunks, manifestBytes, said: { manifest: sayManifest(manifestBytes), sketch } }
}

/** What a start says of a manifest. */
export function sayManifest(bytes: Buffer): { bytes: number; sha256: string } {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('base64') }
}

type Signed = { url: string; headers: Record<string, string> }

/** PUTs a manifest as a client does. */
export async function sendManifest({ url, headers }: Signed, bytes: Buffer): Promise<Response> {
  return await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })
}

/** Uploads a content with its manifest and sketch, and answers the file's id. */
export async function uploadDescribed(
  apiKey: string,
  content: TestContent,
  path: string,
): Promise<string> {
  const { start, complete } = uploader(apiKey)
  const { manifestBytes, said } = await describe(content)
  const [result] = (await start([content, { path, ...said }])).body.results
  await sendParts(result, content)
  if (result.manifest) await sendManifest(result.manifest, manifestBytes)
  const [stored] = (await complete(result.uploadId)).body.results
  return stored.files[0].fileId
}

/** POST /api/storage/copy. */
export function copy(apiKey: string, body: object): Promise<Answer> {
  return call(POST, 'POST', '/api/storage/copy', { as: apiKey, body })
}

/** The parts of a delta that come from the base, as the wire has them, and those that have to be sent. */
export function runsOf(base: Chunks, file: Chunks) {
  const runs: [number, number, number][] = []
  const sent: number[] = []
  for (const { partNumber, baseOffset } of planDelta(base, file)) {
    if (baseOffset === null) sent.push(partNumber)
    else runs.push([partNumber, partNumber, baseOffset])
  }
  return { runs, sent }
}
