import { randomBytes, randomUUID } from 'node:crypto'
import { contentIdOf } from '../../lib/content/content-id.ts'
import { layoutOf } from '../../lib/content/layout.ts'
import type { Stack } from '../local/stack.ts'

const MIB = 1024 ** 2
/** 1,000 parts of 8 MiB: what a full batch of chunks needs. */
const LARGE_BYTES = 1_000 * 8 * MIB
const PART_BYTES = 8 * MIB
const TWENTY_PARTS_BYTES = 100 * MIB
const BATCH = 1_000
/** Half of a batch is stored already, the other half is not. */
const STORED = 500
const FILES_A_CALL = 100
const LONDON = { lat: 51.5074, lng: -0.1278 }

/** One kind of call. `body` makes the body of the next one; `targetMs` is what the system before this one promised. */
export type Case = {
  name: string
  targetMs?: number
  method: 'GET' | 'POST'
  path: string
  apiKey: string
  body?: () => object
  /** Round trips off the critical path: at the same time as another, or after the answer. */
  aside?: { redis?: number; sql?: number; s3?: number }
}

/** What a client says of a file; the digests are made up, because nothing here looks at bytes. */
type Content = { fileSize: number; fileHash: string; partHashes: string[] }

/** An account of tier enterprise with 500 small files and an open upload of 1,000 parts, and the calls to measure. */
export async function endpointCases(stack: Stack): Promise<Case[]> {
  const apiKey = await anApiKey(stack)
  const ask = (path: string, body: object, method = 'POST') =>
    askJson(`${stack.url}${path}`, { apiKey, method, body })
  const stored = await storeFiles(ask)
  const strangers = await Promise.all(Array.from({ length: BATCH - STORED }, () => aContent(10)))
  const files = [...stored, ...strangers].map(({ fileSize, fileHash }) => ({ fileSize, fileHash }))
  const large = await aContent(LARGE_BYTES)
  const { uploadId } = (await ask('/api/storage/upload', startOf([large]))).results[0]
  const started = await ask('/api/jetty/track-upload', { action: 'start', uploadId })
  const { sessionId } = started.session

  const post = (path: string, body: () => object) =>
    ({ method: 'POST', path, apiKey, body }) as const
  const get = (path: string) => ({ method: 'GET', path, apiKey }) as const
  const { fileSize, fileHash } = large
  const ledger = '/api/jetty/cache-chunk'
  return [
    {
      name: 'optimal-edges',
      targetMs: 500,
      ...post('/api/jetty/optimal-edges', () => ({ fileSize, fileHash, userLocation: LONDON })),
      // What is known of the paths is read while Postgres answers.
      aside: { redis: 1 },
    },
    {
      name: 'check-duplicate, 1',
      targetMs: 50,
      ...post('/api/jetty/check-duplicate', () => ({ ...files[0] })),
    },
    { name: 'check-duplicate, 1,000', ...post('/api/jetty/check-duplicate', () => ({ files })) },
    { name: 'cache-chunk, 1', targetMs: 100, ...post(ledger, () => ({ uploadId, ...aChunk() })) },
    {
      name: 'cache-chunk, 1,000',
      targetMs: 100,
      ...post(ledger, () => ({
        uploadId,
        chunks: Array.from({ length: BATCH }, (_, at) => aChunk(at)),
      })),
    },
    { name: 'cache-chunk, reading 1,000', targetMs: 100, ...get(`${ledger}?uploadId=${uploadId}`) },
    {
      name: 'track-upload, progress',
      targetMs: 150,
      ...post('/api/jetty/track-upload', progressOf(sessionId)),
      // The ledger is counted while the timings are read.
      aside: { redis: 1 },
    },
    {
      name: 'user-stats',
      targetMs: 100,
      ...get('/api/jetty/user-stats?period=24h'),
      aside: { redis: 1 },
    },
    {
      name: 'storage/upload, 1 part',
      ...post('/api/storage/upload', await startsOf(10)),
      aside: { redis: 1 },
    },
    {
      name: 'storage/upload, 20 parts',
      ...post('/api/storage/upload', await startsOf(TWENTY_PARTS_BYTES)),
      aside: { redis: 1 },
    },
  ]
}

/** A key of a new account, made by the product's own code; so nothing of lib/ that reads settings may be loaded before. */
async function anApiKey(stack: Stack): Promise<string> {
  Object.assign(process.env, stack.env)
  await import('../local/preload.ts')
  const { anAccount } = await import('../local/account.ts')
  return (await anAccount({ tier: 'enterprise' })).apiKey
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into
type Json = any
type Ask = (path: string, body: object, method?: string) => Promise<Json>

async function askJson(
  url: string,
  { apiKey, method, body }: { apiKey: string; method: string; body: object },
): Promise<Json> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(`${method} ${url}: ${JSON.stringify(answer)}`)
  return answer
}

/** Really uploads files of 10 bytes. */
async function storeFiles(ask: Ask): Promise<Content[]> {
  const stored: Content[] = []
  while (stored.length < STORED) {
    const made = await Promise.all(Array.from({ length: FILES_A_CALL }, () => aSmallFile()))
    const { results } = await ask(
      '/api/storage/upload',
      startOf(made.map(({ content }) => content)),
    )
    for (const [at, { uploadId, signed }] of results.entries()) {
      const { bytes, content } = made[at] ?? (await aSmallFile())
      const url = signed.url.replace('{signature}', signed.signatures[1])
      const headers = { ...signed.headers, 'x-amz-checksum-sha256': content.partHashes[0] }
      const answer = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })
      if (!answer.ok) throw new Error(`part of ${uploadId}: ${answer.status}`)
    }
    const uploads = results.map(({ uploadId }: Json) => ({ uploadId }))
    await ask('/api/storage/upload', { uploads }, 'PUT')
    stored.push(...made.map(({ content }) => content))
  }
  return stored
}

async function aSmallFile(): Promise<{ bytes: Buffer; content: Content }> {
  const { contentOfBytes } = await import('../local/content.ts')
  const { bytes, fileSize, fileHash, partHashes } = await contentOfBytes(randomBytes(10))
  return { bytes, content: { fileSize, fileHash, partHashes } }
}

/** A content nobody has: digests without bytes. */
async function aContent(fileSize: number): Promise<Content> {
  const { partCount } = layoutOf(fileSize)
  const digests = Array.from({ length: partCount }, () => randomBytes(32))
  const partHashes = digests.map((digest) => digest.toString('base64'))
  return { fileSize, fileHash: await contentIdOf(digests), partHashes }
}

function startOf(contents: Content[]): object {
  return { files: contents.map((content) => ({ path: `bench/${randomUUID()}`, ...content })) }
}

/** Bodies of starts, each of another new file; made before the clock runs. */
async function startsOf(fileSize: number): Promise<() => object> {
  const bodies = await Promise.all(
    Array.from({ length: BATCH }, async () => startOf([await aContent(fileSize)])),
  )
  return () => bodies.pop() ?? startOf([])
}

function aChunk(chunkIndex = Math.floor(Math.random() * BATCH)): object {
  return { chunkIndex, status: 'completed', edgeId: 'lon-1', bytesUploaded: PART_BYTES }
}

/** Reports as a client sends them: one more chunk each, with its timing, over and over. */
function progressOf(sessionId: string): () => object {
  let reports = 0
  return () => {
    const chunk = reports++ % BATCH
    const timing = { edgeId: 'lon-1', chunkIndex: chunk, bytes: PART_BYTES, durationMs: 900 }
    return {
      action: 'progress',
      sessionId,
      chunksCompleted: chunk + 1,
      bytesUploaded: (chunk + 1) * PART_BYTES,
      completed: [[0, chunk]],
      timings: [{ ...timing, failed: false, latencyMs: 12 }],
    }
  }
}
