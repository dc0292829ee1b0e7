import { randomBytes } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import {
  complete,
  listParts,
  md5,
  openUpload,
  outcome,
  PART_BYTES,
  putObject,
  sendPart,
} from './s3-calls.ts'
import type { S3Target } from './s3-target.ts'
import { twoParts } from './s3-two-parts.ts'

/** What stores differ in about multipart uploads. */
export const MULTIPART_QUESTIONS = {
  'the ETag of a copied part': async (store: S3Target) => {
    const [from, key] = [store.newKey(), store.newKey()]
    await putObject(store, from, 'x')
    const uploadId = await openUpload(store, key)
    const copied = await store.client.send(
      new UploadPartCopyCommand({
        ...{ Bucket: store.bucket, Key: key, UploadId: uploadId, PartNumber: 1 },
        CopySource: `${store.bucket}/${from}`,
      }),
    )
    return copied.CopyPartResult?.ETag?.startsWith('"') ? 'in quotes' : 'bare'
  },

  'the ETag that completion answers': async (store: S3Target) => {
    const { etag } = await twoParts(store)
    return etag ? 'given' : 'empty'
  },

  'the ETag of a multipart object': async (store: S3Target) => {
    const { key, md5s } = await twoParts(store)
    const head = await store.client.send(new HeadObjectCommand({ Bucket: store.bucket, Key: key }))
    return head.ETag === `"${md5(Buffer.concat(md5s))}-2"` ? 'MD5 of MD5s' : 'other'
  },

  'If-None-Match on completion': async (store: S3Target) => {
    const key = store.newKey()
    await putObject(store, key, 'was here')
    const uploadId = await openUpload(store, key)
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x' })
    const command = complete(store, { key, uploadId }, [part])
    command.input.IfNoneMatch = '*'
    return await outcome(store.client.send(command), 'completed')
  },

  'completion that leaves out a stored part': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    await sendPart(store, { key, uploadId, partNumber: 1, body: 'left out' })
    const part = await sendPart(store, { key, uploadId, partNumber: 2, body: 'x' })
    return await outcome(store.client.send(complete(store, { key, uploadId }, [part])), 'completed')
  },

  'completing twice': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x' })
    await store.client.send(complete(store, { key, uploadId }, [part]))
    return await outcome(
      store.client.send(complete(store, { key, uploadId }, [part])),
      'completed again',
    )
  },

  'parts listed out of order': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const part1 = await sendPart(store, {
      key,
      uploadId,
      partNumber: 1,
      body: randomBytes(PART_BYTES),
    })
    const part2 = await sendPart(store, { key, uploadId, partNumber: 2, body: 'x' })
    return await outcome(
      store.client.send(complete(store, { key, uploadId }, [part2, part1])),
      'completed',
    )
  },

  'part number 10,001': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    return await outcome(
      sendPart(store, { key, uploadId, partNumber: 10_001, body: 'x' }),
      'stored',
    )
  },

  'open uploads listed under part of their key': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const list = new ListMultipartUploadsCommand({ Bucket: store.bucket, Prefix: key.slice(0, -4) })
    const { Uploads } = await store.client.send(list)
    return Uploads?.some((upload) => upload.UploadId === uploadId) ? 'listed' : 'not listed'
  },

  'the parts of an aborted upload': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    await store.client.send(
      new AbortMultipartUploadCommand({ Bucket: store.bucket, Key: key, UploadId: uploadId }),
    )
    return await outcome(listParts(store, key, uploadId), 'listed')
  },

  'completion after the abort': async (store: S3Target) => {
    const key = store.newKey()
    const uploadId = await openUpload(store, key)
    const part = await sendPart(store, { key, uploadId, partNumber: 1, body: 'x' })
    await store.client.send(
      new AbortMultipartUploadCommand({ Bucket: store.bucket, Key: key, UploadId: uploadId }),
    )
    return await outcome(store.client.send(complete(store, { key, uploadId }, [part])), 'completed')
  },
} as const satisfies Record<string, (store: S3Target) => Promise<string>>
