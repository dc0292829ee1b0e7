import { createHash } from 'node:crypto'
import { completeMultipartUpload, listParts } from './multipart.ts'
import { headObject } from './objects.ts'
import { answerOr, put, withObject, withUpload } from './probe-requests.ts'

const RIGHT = new TextEncoder().encode('the bytes that were promised')
const WRONG = new TextEncoder().encode('some bytes of the same size!')

/**
 * Whether the store refuses bytes that differ from the signed SHA-256, for parts and for whole objects, lists each
 * part's digest and gives the object's: everything that lets it verify content ids.
 */
export async function probeSha256(prefix: string): Promise<boolean> {
  return await answerOr(false, async () => {
    const [parts, objects] = await Promise.all([
      verifiesPartSha256(`${prefix}/sha256-part`),
      verifiesObjectSha256(`${prefix}/sha256-object`),
    ])
    return parts && objects
  })
}

/** Whether the store refuses bytes that differ from a signed Content-MD5, and whether a part's ETag is its MD5. */
export async function probeMd5(prefix: string): Promise<{ verified: boolean; etagIsMd5: boolean }> {
  const checksum = 'md5'
  return await answerOr({ verified: false, etagIsMd5: false }, async () => {
    const partKey = `${prefix}/md5-part`
    const objectKey = `${prefix}/md5-object`
    const object = { key: objectKey, s3UploadId: null, checksum, promised: RIGHT } as const
    const objectVerified = await withObject(objectKey, async () => {
      const wrong = await put({ ...object, body: WRONG })
      const right = await put({ ...object, body: RIGHT })
      return !wrong.ok && right.ok
    })
    return await withUpload(partKey, checksum, async (s3UploadId) => {
      const part = { key: partKey, s3UploadId, checksum, promised: RIGHT } as const
      const wrong = await put({ ...part, body: WRONG })
      const right = await put({ ...part, body: RIGHT })
      const [stored] = (await listParts(partKey, s3UploadId)) ?? []
      return {
        verified: objectVerified && !wrong.ok && right.ok,
        etagIsMd5: stored?.etag === createHash('md5').update(RIGHT).digest('hex'),
      }
    })
  })
}

async function verifiesPartSha256(key: string): Promise<boolean> {
  return await withUpload(key, 'sha256', async (s3UploadId) => {
    const part = { key, s3UploadId, checksum: 'sha256', promised: RIGHT } as const
    const wrong = await put({ ...part, body: WRONG })
    const refused = !wrong.ok && (await listParts(key, s3UploadId))?.length === 0
    const right = await put({ ...part, body: RIGHT })
    if (!refused || !right.ok) return false

    const parts = (await listParts(key, s3UploadId)) ?? []
    if (parts[0]?.sha256 !== sha256(RIGHT).toString('base64')) return false
    const completion = await completeMultipartUpload(key, s3UploadId, parts, 'sha256')
    const composite = `${sha256(sha256(RIGHT)).toString('base64')}-1`
    return completion === 'completed' && (await headObject(key))?.sha256 === composite
  })
}

async function verifiesObjectSha256(key: string): Promise<boolean> {
  return await withObject(key, async () => {
    const object = { key, s3UploadId: null, checksum: 'sha256', promised: RIGHT } as const
    const wrong = await put({ ...object, body: WRONG })
    const refused = !wrong.ok && (await headObject(key)) === null
    const right = await put({ ...object, body: RIGHT })
    if (!refused || !right.ok) return false
    return (await headObject(key))?.sha256 === sha256(RIGHT).toString('base64')
  })
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
