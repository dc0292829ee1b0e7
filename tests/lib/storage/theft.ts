import { createHash } from 'node:crypto'
import type { Storage } from './open-store.ts'

export const SECRET = Buffer.from('what another account stored, and nobody else may read')

const PAST = new Date(Date.now() - 86_400_000).toUTCString()
const FUTURE = new Date(Date.now() + 86_400_000).toUTCString()
const ETAG = `"${createHash('md5').update(SECRET).digest('hex')}"`

/** What a thief may add to the copy source to get past the guard. */
export const ALL_TRICKS: Record<string, string>[] = [
  {},
  { 'x-amz-copy-source-range': `bytes=0-${SECRET.length - 1}` },
  { 'x-amz-copy-source-if-unmodified-since': FUTURE },
  { 'x-amz-copy-source-if-modified-since': PAST },
  { 'x-amz-copy-source-if-none-match': '"other"' },
  { 'x-amz-copy-source-if-match': ETAG },
  { 'x-amz-copy-if-match': ETAG },
  { 'x-amz-copy-if-unmodified-since': FUTURE },
]

/** Stores what is to be stolen, and gives its copy source. */
export async function storeVictim({ s3, store }: Storage): Promise<string> {
  const { client, sdk } = await s3()
  const Key = 'users/victim/1'
  await client.send(new sdk.PutObjectCommand({ Bucket: store.bucket, Key, Body: SECRET }))
  return `/${store.bucket}/${Key}`
}

export type Theft = {
  isPart: boolean
  guarded: boolean
  size: number
  /** The thief knows the digest of what is to be stolen, and has that one signed. */
  digestIsKnown?: boolean
  tricks?: Record<string, string>
}

/** Uses a URL that was signed for the thief's own bytes, with headers of the thief's choice. */
export async function steal(storage: Storage, source: string, theft: Theft) {
  const key = 'users/thief/1'
  const { isPart, guarded, size, tricks } = theft
  const checksum = 'md5' as const
  const s3UploadId = isPart ? await storage.createMultipartUpload(key, { checksum }) : null
  const body = Buffer.alloc(size)
  const promised = theft.digestIsKnown ? SECRET : body
  const digest = createHash('md5').update(promised).digest('base64')
  const object = { key, s3UploadId, fileSize: size, checksum, guarded }
  const { url, headers, signatures } = storage.signParts(object, [{ partNumber: 1, digest }], 60)
  const filled = url.replace('{partNumber}', '1').replace('{signature}', signatures['1'] ?? '')
  const { status } = await fetch(filled, {
    method: 'PUT',
    body,
    headers: { ...headers, 'content-md5': digest, 'x-amz-copy-source': source, ...tricks },
  })
  const parts = s3UploadId ? await storage.listParts(key, s3UploadId) : []
  const object1 = await storage.headObject(key)
  return { status, stored: [...(parts ?? []), ...(object1 ? [object1] : [])] }
}
