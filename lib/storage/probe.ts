import { randomBytes } from 'node:crypto'
import type { Capabilities } from './capability.ts'
import { askStore } from './client.ts'
import { objectUrl, store } from './config.ts'
import { listParts } from './multipart.ts'
import { probeMd5, probeSha256 } from './probe-checksums.ts'
import { probeCopyDigest, probeUnsignedCopySource } from './probe-copies.ts'
import { answerOr, ask, type Checksum, put, withObject, withUpload } from './probe-requests.ts'
import { headersToSign } from './sign-parts.ts'

const BYTES = new TextEncoder().encode('probe')
/** A page on which a browser uploads, if the deployment's own is not given. */
const SOME_ORIGIN = 'https://jettyspeed.example'

/**
 * Finds out what the configured store does, by some 60 small requests under `.jetty-probe/` (one upload of 5 MiB where
 * the store copies ranges of nothing smaller), and removes what it stored. Every request has a time limit.
 *
 * @throws Problem `store-unavailable`: an outage is never taken for an inability
 */
export async function probeStore({ origin = SOME_ORIGIN } = {}): Promise<Capabilities> {
  const prefix = `.jetty-probe/${randomBytes(16).toString('hex')}`
  const [sha256, md5, conditionalComplete] = await Promise.all([
    probeSha256(prefix),
    probeMd5(prefix),
    probeConditionalComplete(`${prefix}/conditional`),
  ])
  const mode = sha256 ? 'sha256' : 'md5'
  const [copyDigest, unsignedCopySource] = await Promise.all([
    sha256 && probeCopyDigest(prefix),
    probeUnsignedCopySource(prefix, mode),
  ])
  const guarded = unsignedCopySource === 'guarded'
  return {
    checksum: strongest(sha256, md5.verified),
    partEtagIsMd5: md5.etagIsMd5,
    copyDigest,
    conditionalComplete,
    cors: await probeCors(`${prefix}/cors`, { checksum: mode, guarded, origin }),
    unsignedCopySource,
    probedAt: new Date().toISOString(),
  }
}

function strongest(sha256: boolean, md5: boolean): Capabilities['checksum'] {
  if (sha256) return 'sha256'
  return md5 ? 'md5' : 'none'
}

async function probeConditionalComplete(key: string): Promise<boolean> {
  const checksum = 'md5'
  return await answerOr(false, () =>
    withUpload(key, checksum, async (s3UploadId) => {
      await put({ key, s3UploadId: null, checksum, body: BYTES })
      await put({ key, s3UploadId, checksum, body: BYTES })
      const parts = (await listParts(key, s3UploadId)) ?? []
      const Parts = parts.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: etag }))
      const input = { Bucket: store.bucket, Key: key, UploadId: s3UploadId, IfNoneMatch: '*' }
      return await askStore<boolean, boolean>(
        async ({ client, sdk }) => {
          const command = { ...input, MultipartUpload: { Parts } }
          await client.send(new sdk.CompleteMultipartUploadCommand(command))
          return false
        },
        { PreconditionFailed: true },
      )
    }),
  )
}

type Page = { checksum: Checksum; guarded: boolean; origin: string }

async function probeCors(key: string, page: Page): Promise<boolean> {
  const { origin, ...signing } = page
  const names = Object.keys(headersToSign(signing)).filter((name) => name !== 'content-length')
  const preflight = await ask(objectUrl(key), {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': names.join(','),
    },
  })
  const methods = listOf(preflight, 'access-control-allow-methods')
  const headers = listOf(preflight, 'access-control-allow-headers')
  if (!preflight.ok || !allowsOrigin(preflight, origin)) return false
  if (!includesAll(methods, ['put']) || !includesAll(headers, names)) return false

  return await withObject(key, async () => {
    const object = { key, s3UploadId: null, body: BYTES, ...signing }
    const response = await put({ ...object, unsignedHeaders: { origin } })
    const exposed = listOf(response, 'access-control-expose-headers')
    return allowsOrigin(response, origin) && includesAll(exposed, ['etag'])
  })
}

function includesAll(list: string[], wanted: string[]): boolean {
  return list.includes('*') || wanted.every((item) => list.includes(item))
}

function allowsOrigin(response: Response, origin: string): boolean {
  return ['*', origin].includes(response.headers.get('access-control-allow-origin') ?? '')
}

function listOf(response: Response, name: string): string[] {
  return (response.headers.get(name) ?? '').split(',').map((item) => item.trim().toLowerCase())
}
