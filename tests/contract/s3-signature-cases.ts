import { ListObjectsV2Command, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { openUpload, outcome, plainOutcome, readObject } from './s3-calls.ts'
import { makeClient, makeTarget, presign, type S3Target, send } from './s3-target.ts'

const HOUR_MS = 3_600_000
const BIG_BODY_BYTES = 48 * 1024 * 1024

/** What every store demands of whoever comes without an SDK in between. */
export function signatureCases(target: () => S3Target): void {
  test('a presigned PUT allows that method on that key on that host and nothing else', async () => {
    const store = target()
    const key = store.newKey()
    const url = await presign(store, new PutObjectCommand({ Bucket: store.bucket, Key: key }))
    const attempt = async (changed: string, options: Parameters<typeof send>[1] = {}) =>
      plainOutcome(await send(changed, { body: 'x', ...options }), 'accepted')

    const refused = '403 SignatureDoesNotMatch'
    expect(await attempt(url.replace(key, store.newKey()))).toBe(refused)
    expect(await attempt(url, { method: 'DELETE' })).toBe(refused)
    expect(await attempt(url, { headers: { host: 'elsewhere.example' } })).toBe(refused)
    expect(await attempt(`${url}&versionId=null`)).toBe(refused)
    expect(await attempt(url.replace('X-Amz-Expires=600', 'X-Amz-Expires=601'))).toBe(refused)
    expect(await attempt(url)).toBe('accepted')
  })

  test('a presigned part PUT is for that part and that upload', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const url = await presign(
      store,
      new UploadPartCommand({ Bucket: store.bucket, Key: key, UploadId: uploadId, PartNumber: 1 }),
    )
    const attempt = async (changed: string) =>
      plainOutcome(await send(changed, { body: 'x' }), 'accepted')
    expect(await attempt(url.replace('partNumber=1', 'partNumber=2'))).toBe(
      '403 SignatureDoesNotMatch',
    )
    expect(await attempt(url.replace(uploadId, `${uploadId}x`))).toBe('403 SignatureDoesNotMatch')
    expect(await attempt(url)).toBe('accepted')
  })

  test('a signed length admits that length only, and nothing of another is stored', async () => {
    const store = target()
    const key = store.newKey()
    const command = new PutObjectCommand({ Bucket: store.bucket, Key: key, ContentLength: 5 })
    const url = await presign(store, command, { headers: ['content-length'] })
    expect(url).toContain('X-Amz-SignedHeaders=content-length%3Bhost')
    expect(plainOutcome(await send(url, { body: 'four' }), 'stored')).toBe(
      '403 SignatureDoesNotMatch',
    )
    expect(plainOutcome(await send(url, { body: 'sixsix' }), 'stored')).toBe(
      '403 SignatureDoesNotMatch',
    )
    expect(await outcome(readObject(store, key), 'read')).toBe('404 NoSuchKey')
    expect(plainOutcome(await send(url, { body: 'fives' }), 'stored')).toBe('stored')
  })

  test('a URL past its time is refused', async () => {
    const store = target()
    const url = await presign(
      store,
      new PutObjectCommand({ Bucket: store.bucket, Key: store.newKey() }),
      {
        signingDate: new Date(Date.now() - HOUR_MS),
        expiresIn: 600,
      },
    )
    expect(plainOutcome(await send(url, { body: 'x' }), 'stored')).toBe('403 AccessDenied')
  })

  test('nobody without the secret gets in', async () => {
    const store = target()
    const list = (address: Partial<S3Target>) =>
      outcome(
        makeTarget({ ...store, ...address }).client.send(
          new ListObjectsV2Command({ Bucket: store.bucket }),
        ),
        'listed',
      )
    expect(await list({})).toBe('listed')
    expect(await list({ secretAccessKey: 'not-the-secret-at-all' })).toBe(
      '403 SignatureDoesNotMatch',
    )
    expect(await list({ accessKeyId: 'nobody-of-that-name' })).toBe('403 InvalidAccessKeyId')
    const bare = await send(`${store.endpoint}/${store.bucket}`, { method: 'GET' })
    expect(plainOutcome(bare, 'listed')).toBe('403 AccessDenied')
  })

  test('a clock an hour off is told so', async () => {
    const store = target()
    const client = makeClient(store, { checksums: 'WHEN_REQUIRED', systemClockOffset: -HOUR_MS })
    const listed = client.send(new ListObjectsV2Command({ Bucket: store.bucket }))
    expect(await outcome(listed, 'listed')).toBe('403 RequestTimeTooSkewed')
  })

  test('an early refusal of a large body reaches its sender', async () => {
    const store = target()
    const url = await presign(
      store,
      new PutObjectCommand({ Bucket: store.bucket, Key: store.newKey() }),
    )
    const refused = await send(url.replace('Expires=600', 'Expires=601'), {
      body: Buffer.alloc(BIG_BODY_BYTES),
    })
    expect(plainOutcome(refused, 'stored')).toBe('403 SignatureDoesNotMatch')
  })
}
