import { randomBytes } from 'node:crypto'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { md5, outcome, plainOutcome, putObject, readObject } from './s3-calls.ts'
import { presign, type S3Target, send } from './s3-target.ts'

/** What every store does with whole objects. */
export function objectCases(target: () => S3Target): void {
  test('an object comes back byte for byte, with its MD5 as ETag', async () => {
    const store = target()
    const key = store.newKey()
    const bytes = randomBytes(300_000)
    expect(await putObject(store, key, bytes)).toBe(`"${md5(bytes)}"`)
    expect(md5(await readObject(store, key))).toBe(md5(bytes))

    await putObject(store, key, '')
    expect(await readObject(store, key)).toEqual(Buffer.alloc(0))
  })

  test('a range is answered with just those bytes; one beyond the end is refused', async () => {
    const store = target()
    const key = store.newKey()
    const bytes = randomBytes(1_000)
    await putObject(store, key, bytes)
    expect(await readObject(store, key, 'bytes=7-99')).toEqual(bytes.subarray(7, 100))
    expect(await readObject(store, key, 'bytes=990-')).toEqual(bytes.subarray(990))
    expect(await readObject(store, key, 'bytes=990-5000')).toEqual(bytes.subarray(990))
    expect(await readObject(store, key, 'bytes=-5')).toEqual(bytes.subarray(995))
    expect(await outcome(readObject(store, key, 'bytes=1000-'), 'read')).toBe('416 InvalidRange')
  })

  test('a presigned download takes its file name and type from the URL', async () => {
    const store = target()
    const key = store.newKey()
    await store.client.send(
      new PutObjectCommand({
        Bucket: store.bucket,
        Key: key,
        Body: 'x',
        ContentType: 'text/plain',
      }),
    )
    const head = await store.client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: key }))
    expect(head).toMatchObject({ ContentType: 'text/plain', ContentLength: 1 })

    const command = new GetObjectCommand({
      Bucket: store.bucket,
      Key: key,
      ResponseContentDisposition: 'attachment; filename="a.bin"',
      ResponseContentType: 'application/x-test',
    })
    const got = await send(await presign(store, command), { method: 'GET' })
    expect(got.headers['content-disposition']).toBe('attachment; filename="a.bin"')
    expect(got.headers['content-type']).toBe('application/x-test')
    expect(got.body).toBe('x')
  })

  test('reading is conditional on the ETag', async () => {
    const store = target()
    const key = store.newKey()
    const ETag = await putObject(store, key, 'x')
    const get = (conditions: { IfMatch?: string; IfNoneMatch?: string }) =>
      outcome(
        store.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: key, ...conditions })),
        'read',
      )
    expect(await get({ IfMatch: ETag })).toBe('read')
    expect(await get({ IfMatch: '"other"' })).toBe('412 PreconditionFailed')
    expect(await get({ IfNoneMatch: '"other"' })).toBe('read')
    expect(await get({ IfNoneMatch: ETag })).toMatch(/^304/)
  })

  test('If-None-Match on a put keeps what is there', async () => {
    const store = target()
    const key = store.newKey()
    const put = (Body: string) =>
      outcome(
        store.client.send(
          new PutObjectCommand({ Bucket: store.bucket, Key: key, Body, IfNoneMatch: '*' }),
        ),
        'stored',
      )
    expect(await put('first')).toBe('stored')
    expect(await put('second')).toBe('412 PreconditionFailed')
    expect((await readObject(store, key)).toString()).toBe('first')
  })

  test('a wrong Content-MD5 is refused and nothing is stored', async () => {
    const store = target()
    const key = store.newKey()
    const put = async (value: string) => {
      const command = new PutObjectCommand({ Bucket: store.bucket, Key: key, ContentMD5: value })
      return plainOutcome(
        await send(await presign(store, command), {
          body: 'hello',
          headers: { 'content-md5': value },
        }),
        'stored',
      )
    }
    expect(await put(Buffer.from(md5('other'), 'hex').toString('base64'))).toBe('400 BadDigest')
    expect(await put('YWJj')).toBe('400 InvalidDigest')
    expect(await outcome(readObject(store, key), 'read')).toBe('404 NoSuchKey')
    expect(await put(Buffer.from(md5('hello'), 'hex').toString('base64'))).toBe('stored')
  })

  test('what is not there is 404, and deleting it again is no error', async () => {
    const store = target()
    const key = store.newKey()
    const remove = () =>
      store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key: key }))
    expect(await outcome(readObject(store, key), 'read')).toBe('404 NoSuchKey')
    const head = store.client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: key }))
    expect(await outcome(head, 'there')).toBe('404 NotFound')

    await putObject(store, key, 'x')
    expect((await remove()).$metadata.httpStatusCode).toBe(204)
    expect((await remove()).$metadata.httpStatusCode).toBe(204)
    expect(await outcome(readObject(store, key), 'read')).toBe('404 NoSuchKey')
  })

  test('a copy has the bytes of its source, which stays', async () => {
    const store = target()
    const [from, to] = [store.newKey(), store.newKey()]
    const ETag = await putObject(store, from, 'copied')
    const copy = (CopySourceIfMatch: string) =>
      store.client.send(
        new CopyObjectCommand({
          Bucket: store.bucket,
          Key: to,
          CopySource: `${store.bucket}/${from}`,
          CopySourceIfMatch,
        }),
      )
    await copy(ETag)
    await store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key: from }))
    expect((await readObject(store, to)).toString()).toBe('copied')
  })
}
