import { HeadBucketCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { outcome, putObject, readObject } from './s3-calls.ts'
import { presign, type S3Target, send } from './s3-target.ts'

const AWKWARD_NAMES = [
  'a b',
  'plus+plus',
  "'()*!",
  '&=?#;:@$,',
  'ümläut',
  '😀',
  '%41%2F',
  '..dots..',
  '<tag>',
  'back\\slash',
]

/** What every store does with names and lists of them. */
export function listingCases(target: () => S3Target): void {
  test('keys with special characters are stored, presigned and listed as given', async () => {
    const store = target()
    const prefix = `${store.newKey()}/`
    for (const name of AWKWARD_NAMES) {
      const command = new PutObjectCommand({ Bucket: store.bucket, Key: prefix + name })
      expect((await send(await presign(store, command), { body: name })).status, name).toBe(200)
      expect((await readObject(store, prefix + name)).toString()).toBe(name)
    }
    const listed = await store.client.send(
      new ListObjectsV2Command({ Bucket: store.bucket, Prefix: prefix }),
    )
    expect(listed.Contents?.map(({ Key }) => Key?.slice(prefix.length)).sort()).toEqual(
      AWKWARD_NAMES.toSorted(),
    )
  })

  test('a listing goes on where its page ended, and folds folders', async () => {
    const store = target()
    const prefix = `${store.newKey()}/`
    const names = ['a', 'b/1', 'b/2', 'c', 'd/1']
    for (const name of names) await putObject(store, prefix + name, name)

    const keys: string[] = []
    let token: string | undefined
    do {
      const page = await store.client.send(
        new ListObjectsV2Command({
          Bucket: store.bucket,
          Prefix: prefix,
          MaxKeys: 2,
          ContinuationToken: token,
        }),
      )
      keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key.slice(prefix.length)))
      token = page.NextContinuationToken
    } while (token)
    expect(keys).toEqual(names)

    const folded = await store.client.send(
      new ListObjectsV2Command({ Bucket: store.bucket, Prefix: prefix, Delimiter: '/' }),
    )
    expect(folded.Contents?.map(({ Key }) => Key)).toEqual([`${prefix}a`, `${prefix}c`])
    expect(folded.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual([
      `${prefix}b/`,
      `${prefix}d/`,
    ])
  })

  test('the bucket answers', async () => {
    const store = target()
    expect(
      await outcome(store.client.send(new HeadBucketCommand({ Bucket: store.bucket })), 'there'),
    ).toBe('there')
    expect(
      await outcome(
        store.client.send(new HeadBucketCommand({ Bucket: 'no-such-bucket-here' })),
        'there',
      ),
    ).not.toBe('there')
  })
}
