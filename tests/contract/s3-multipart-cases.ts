import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  AbortMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type Part,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import {
  complete,
  md5,
  openUpload,
  outcome,
  PART_BYTES,
  presign,
  putObject,
  readObject,
  requestOf,
  type S3Target,
  sendPart,
} from './s3-target.ts'

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

  test('a part sent again replaces the first [resend_part]', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    await sendPart(store, { key, uploadId, partNumber: 1, body: 'before' })
    const again = await sendPart(store, { key, uploadId, partNumber: 1, body: 'after' })
    expect((await parts(store, key, uploadId)).map(({ Size }) => Size)).toEqual([5])
    await store.client.send(complete(store, { key, uploadId }, [again]))
    expect((await readObject(store, key)).toString()).toBe('after')
  })

  test('of two senders of one part the last to finish counts [resend_first_finishes_last]', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const slow = await halfPart(store, { key, uploadId })
    await sendPart(store, { key, uploadId, partNumber: 1, body: 'quick' })
    await slow.finish()
    const [stored] = await parts(store, key, uploadId)
    expect(stored?.ETag).toBe(`"${md5(slow.body)}"`)
  })

  test('a part whose sender went away half-way is not stored', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const slow = await halfPart(store, { key, uploadId })
    slow.abort()
    await sendPart(store, { key, uploadId, partNumber: 2, body: 'later' })
    expect((await parts(store, key, uploadId)).map(({ PartNumber }) => PartNumber)).toEqual([2])
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

  test('an upload that does not exist, or not any more, is NoSuchUpload [complete_without_create]', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x' })
    await store.client.send(
      new AbortMultipartUploadCommand({ Bucket: store.bucket, Key: key, UploadId: uploadId }),
    )

    expect(await outcome(parts(store, key, uploadId), 'listed')).toBe('404 NoSuchUpload')
    expect(
      await outcome(sendPart(store, { key, uploadId, partNumber: 2, body: 'x' }), 'stored'),
    ).toBe('404 NoSuchUpload')
    expect(
      await outcome(store.client.send(complete(store, { key, uploadId }, [part])), 'completed'),
    ).toBe('404 NoSuchUpload')
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

    const listed = await parts(store, key, uploadId)
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
    const [part1, part2] = await parts(store, key, uploadId)
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

/** Every part of an open upload, all pages. */
async function parts(store: S3Target, key: string, uploadId: string): Promise<Part[]> {
  const all: Part[] = []
  let marker: string | undefined
  do {
    const page = await store.client.send(
      new ListPartsCommand({
        Bucket: store.bucket,
        Key: key,
        UploadId: uploadId,
        PartNumberMarker: marker,
      }),
    )
    all.push(...(page.Parts ?? []))
    marker = page.IsTruncated ? page.NextPartNumberMarker : undefined
  } while (marker)
  return all
}

/** A part of which half is sent; the test decides how it goes on. */
async function halfPart(store: S3Target, { key, uploadId }: { key: string; uploadId: string }) {
  const body = randomBytes(1_000_000)
  const url = await presign(
    store,
    new UploadPartCommand({ Bucket: store.bucket, Key: key, UploadId: uploadId, PartNumber: 1 }),
  )
  const outgoing = requestOf(url)(url, {
    method: 'PUT',
    headers: { 'content-length': body.length },
  })
  const answered = once(outgoing, 'response')
  answered.catch(() => {})
  await new Promise((resolve) => outgoing.write(body.subarray(0, 500_000), resolve))
  return {
    body,
    async finish() {
      outgoing.end(body.subarray(500_000))
      await answered
    },
    abort: () => outgoing.destroy(),
  }
}
