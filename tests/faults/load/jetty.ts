import { randomUUID } from 'node:crypto'
import { ask, type Client } from './client.ts'
import { aPath } from './uploads.ts'

/** What the routing side offers: which way, is it here, how far is it. */
export async function optimalEdges(client: Client): Promise<void> {
  const { random, library } = client
  const { fileHash, fileSize } = library.shared(random)
  await ask(client, 'POST', '/api/jetty/optimal-edges', {
    body: { fileHash, fileSize, measurements: { 'lon-1': 1 + random.below(200) } },
  })
}

export async function checkDuplicate(client: Client): Promise<void> {
  const { random, library } = client
  const one = () => {
    const { fileHash, fileSize } = library[random.chance(0.2) ? 'large' : 'shared'](random)
    return { fileHash, fileSize, ...(random.chance(0.3) && { path: aPath(client) }) }
  }
  await ask(client, 'POST', '/api/jetty/check-duplicate', {
    body: random.chance(0.6) ? one() : { files: [{ ...one(), path: undefined }, one()] },
    allowed: ['quota-exceeded', 'too-large', 'path-taken'],
  })
}

export async function cacheChunk(client: Client): Promise<void> {
  const { random } = client
  const one = random.pick([...client.account.uploads.values()])
  if (!one) return
  const { uploadId, partCount } = one.result
  if (random.chance(0.3))
    return void (await ask(client, 'GET', `/api/jetty/cache-chunk?uploadId=${uploadId}`))
  const chunkIndex = random.below(partCount)
  const status = random.pick(['pending', 'uploading', 'completed', 'failed']) ?? 'pending'
  await ask(client, 'POST', '/api/jetty/cache-chunk', {
    body: { uploadId, chunkIndex, status },
    allowed: ['upload-closed'],
  })
}

export async function trackUpload(client: Client): Promise<void> {
  const { random } = client
  const one = random.pick([...client.account.uploads.values()])
  if (!one) return void (await ask(client, 'GET', '/api/jetty/track-upload'))
  const { uploadId, fileSize } = one.result
  const action = random.pick(['start', 'progress', 'progress', 'complete', 'fail']) ?? 'start'
  const timings = [{ edgeId: 'direct', chunkIndex: 0, bytes: fileSize % 5_000_000, durationMs: 40 }]
  await ask(client, 'POST', '/api/jetty/track-upload', {
    body: {
      action,
      uploadId,
      sessionId: randomUUID(),
      ...(action === 'progress' && { completed: [[0, 0]], timings }),
    },
    allowed: ['upload-closed', 'parts-missing', 'session-closed'],
  })
}

export async function userStats(client: Client): Promise<void> {
  const period = client.random.pick(['1h', '24h', '7d', '30d'])
  await ask(client, 'GET', `/api/jetty/user-stats?period=${period}`)
}
