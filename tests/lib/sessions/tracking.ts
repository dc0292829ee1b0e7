import { randomBytes } from 'node:crypto'
import * as ledger from '../../../api/jetty/cache-chunk.ts'
import * as tracking from '../../../api/jetty/track-upload.ts'
import { contentIdOf } from '../../../lib/content/content-id.ts'
import { layoutOf } from '../../../lib/content/layout.ts'
import { anAccount } from '../../local/account.ts'
import type { TestContent } from '../../local/content.ts'
import { type Answer, call } from '../../local/request.ts'
import { uploader } from '../../local/uploading.ts'

export const MIB = 1024 * 1024
const TRACK = '/api/jetty/track-upload'
const LEDGER = '/api/jetty/cache-chunk'

/** The calls of sessions and of the chunk ledger, as one account. */
export function tracker(as: string) {
  return {
    track: (body: unknown): Promise<Answer> => call(tracking.POST, 'POST', TRACK, { as, body }),
    follow: (query = ''): Promise<Answer> => call(tracking.GET, 'GET', `${TRACK}?${query}`, { as }),
    tell: (body: unknown): Promise<Answer> => call(ledger.POST, 'POST', LEDGER, { as, body }),
    chunks: (query = ''): Promise<Answer> => call(ledger.GET, 'GET', `${LEDGER}?${query}`, { as }),
  }
}

/** What a client knows of a file of any size: as if it had hashed it. Nobody has such bytes, so its parts cannot be sent. */
export async function aDeclared(fileSize: number): Promise<TestContent> {
  const digests = Array.from({ length: layoutOf(fileSize).partCount }, () => randomBytes(32))
  const partHashes = digests.map((digest) => digest.toString('base64'))
  const fileHash = await contentIdOf(digests)
  return { bytes: Buffer.alloc(0), fileSize, fileHash, partHashes, partMd5s: [] }
}

/** An account with one open upload of `fileSize` bytes; 105 MiB are 21 chunks of 5 MiB. */
export async function anOpenUpload(fileSize = 105 * MIB) {
  const account = await anAccount({ tier: fileSize > 1024 * MIB ? 'enterprise' : 'pro' })
  const content = await aDeclared(fileSize)
  const started = await uploader(account.apiKey).start([content, { path: 'videos/a.mp4' }])
  const uploadId: string = started.body.results[0].uploadId
  return { ...account, content, uploadId, ...uploader(account.apiKey), ...tracker(account.apiKey) }
}
