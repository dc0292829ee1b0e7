import { randomBytes } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import {
  complete,
  listParts,
  md5,
  openUpload,
  outcome,
  PART_BYTES,
  putObject,
  readObject,
  sendPart,
} from './s3-calls.ts'
import type { S3Target } from './s3-target.ts'

const MANY_PARTS = 1_001
const SENDERS = 8

/** What every store does with multipart uploads. Names in brackets are the cases of ceph/s3-tests they follow. */
export function multipartCases(target: () => S3Target): void {
  test('parts sent in any order become the object, in the order of their numbers', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const [first, second] = [randomBytes(PART_BYTES), randomBytes(1_234)]
    const part2 = await sendPart(store, { key, uploadId, partNumber: 2, body: second })
    const part1 = await sendPart(store, { key, uploadId, partNumber: 1, body: first })
    expect(part1.ETag).toBe(`"${md5(first)}"`)

    await store.client.send(complete(store, { key, uploadId }, [part1, part2]))
    expect(md5(await readObject(store, key))).toBe(md5(Buffer.concat([first, second])))
    expect(await readObject(store, key, `bytes=${PART_BYTES - 3}-${PART_BYTES + 2}`)).toEqual(
      Buffer.concat([first.subarray(-3), second.subarray(0, 3)]),
    )
    const head = await store.client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: key }))
    expect(head.ContentLength).toBe(PART_BYTES + 1_234)
  })

  test('completion refuses small, missing and other parts [size_too_small, missing_part, incorrect_etag]', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const part1 = await sendPart(store, { key, uploadId, partNumber: 1, body: 'small' })
    const part2 = await sendPart(store, { key, uploadId, partNumber: 2, body: 'last' })
    const finish = (list: Parameters<typeof complete>[2]) =>
      outcome(store.client.send(complete(store, { key, uploadId }, list)), 'completed')

    expect(await finish([part1, part2])).toBe('400 EntityTooSmall')
    expect(await finish([{ ...part2, PartNumber: 9 }])).toBe('400 InvalidPart')
    expect(await finish([{ ...part1, ETag: part2.ETag }])).toBe('400 InvalidPart')
    expect(await outcome(readObject(store, key), 'read')).toBe('404 NoSuchKey')
  })

  test('an aborted upload takes no part, lists none and cannot be completed [complete_without_create]', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x' })
    await store.client.send(
      new AbortMultipartUploadCommand({ Bucket: store.bucket, Key: key, UploadId: uploadId }),
    )

    expect(await outcome(listParts(store, key, uploadId), 'listed')).toMatch(/^404/)
    const late = sendPart(store, { key, uploadId, partNumber: 2, body: 'x' })
    expect(await outcome(late, 'stored')).toBe('404 NoSuchUpload')
    const completed = store.client.send(complete(store, { key, uploadId }, [part]))
    expect(await outcome(completed, 'completed')).not.toBe('completed')
    expect(await outcome(readObject(store, key), 'read')).toBe('404 NoSuchKey')
  })

  test('more than a thousand parts are listed in pages, and aborted', {
    timeout: 60_000,
  }, async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    let next = 1
    const sender = async () => {
      while (next <= MANY_PARTS)
        await sendPart(store, { key, uploadId, partNumber: next++, body: 'tiny' })
    }
    await Promise.all(Array.from({ length: SENDERS }, sender))

    const listed = await listParts(store, key, uploadId)
    expect(listed.map(({ PartNumber }) => PartNumber)).toEqual(
      Array.from({ length: MANY_PARTS }, (_, index) => index + 1),
    )
    const small = await store.client.send(
      new ListPartsCommand({
        Bucket: store.bucket,
        Key: key,
        UploadId: uploadId,
        MaxParts: 3,
        PartNumberMarker: '500',
      }),
    )
    expect(small.Parts?.map(({ PartNumber }) => PartNumber)).toEqual([501, 502, 503])
    expect(small).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '503' })
    await store.client.send(
      new AbortMultipartUploadCommand({ Bucket: store.bucket, Key: key, UploadId: uploadId }),
    )
  })

  test('any range of an object becomes a part; a range beyond its end does not [copy_invalid_range]', async () => {
    const store = target()
    const [from, key] = [store.newKey(), store.newKey()]
    const source = randomBytes(PART_BYTES + 20_000)
    const ETag = await putObject(store, from, source)
    const uploadId = await openUpload(store, key)
    const copy = (PartNumber: number, CopySourceRange: string, CopySourceIfMatch = ETag) =>
      store.client.send(
        new UploadPartCopyCommand({
          ...{ Bucket: store.bucket, Key: key, UploadId: uploadId, PartNumber },
          ...{ CopySource: `${store.bucket}/${from}`, CopySourceRange, CopySourceIfMatch },
        }),
      )
    const last = source.length - 1
    expect(await outcome(copy(1, `bytes=7-${last + 1}`), 'copied')).toMatch(/^4(00|16) Invalid/)

    const copied = await copy(1, `bytes=7-${last}`)
    expect(copied.CopyPartResult?.ETag?.replaceAll('"', '')).toBe(md5(source.subarray(7)))
    await copy(2, 'bytes=1-3')
    const [part1, part2] = await listParts(store, key, uploadId)
    await store.client.send(
      complete(store, { key, uploadId }, [
        { PartNumber: 1, ETag: part1?.ETag },
        { PartNumber: 2, ETag: part2?.ETag },
      ]),
    )
    const expected = Buffer.concat([source.subarray(7), source.subarray(1, 4)])
    expect(md5(await readObject(store, key))).toBe(md5(expected))
  })

  test('an open upload is found under its own key, until it is closed', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const open = async () => {
      const list = await store.client.send(
        new ListMultipartUploadsCommand({ Bucket: store.bucket, Prefix: key }),
      )
      return list.Uploads?.map(({ Key, UploadId }) => [Key, UploadId]) ?? []
    }
    expect(await open()).toEqual([[key, uploadId]])
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x' })
    await store.client.send(complete(store, { key, uploadId }, [part]))
    expect(await open()).toEqual([])
  })
}
