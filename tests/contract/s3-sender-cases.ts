import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { UploadPartCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { complete, listParts, md5, openUpload, readObject, sendPart } from './s3-calls.ts'
import { presign, requestOf, type S3Target } from './s3-target.ts'

/** What every store does with parts sent twice or not to the end. Names in brackets are cases of ceph/s3-tests. */
export function senderCases(target: () => S3Target): void {
  test('a part sent again replaces the first [resend_part]', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    await sendPart(store, { key, uploadId, partNumber: 1, body: 'before' })
    const again = await sendPart(store, { key, uploadId, partNumber: 1, body: 'after' })
    expect((await listParts(store, key, uploadId)).map(({ Size }) => Size)).toEqual([5])
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
    const [stored] = await listParts(store, key, uploadId)
    expect(stored?.ETag).toBe(`"${md5(slow.body)}"`)
  })

  test('a part whose sender went away half-way is not stored', async () => {
    const store = target()
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const slow = await halfPart(store, { key, uploadId })
    slow.abort()
    await sendPart(store, { key, uploadId, partNumber: 2, body: 'later' })
    expect((await listParts(store, key, uploadId)).map(({ PartNumber }) => PartNumber)).toEqual([2])
  })
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
