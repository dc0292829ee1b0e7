import { createHash } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { missingRgwProgram, startRgw } from '../../local/rgw.ts'
import { loadStorage, type Storage } from './open-store.ts'
import { ALL_TRICKS, SECRET, steal, storeVictim } from './theft.ts'

// Ceph's gateway honours an unsigned copy source, and reads the precondition that AWS documents under another name.
const missing = missingRgwProgram()
if (missing && process.env.JETTY_CONTRACT !== 'debian') {
  test.todo(`Ceph's gateway: left out, ${missing} is not installed`)
} else {
  let storage: Storage
  beforeAll(async () => {
    const { endpoint, accessKeyId, secretAccessKey, stop } = await startRgw()
    const keys = { LYVE_ACCESS_KEY: accessKeyId, LYVE_SECRET_KEY: secretAccessKey }
    storage = await loadStorage(endpoint, keys)
    const { client, sdk } = await storage.s3()
    await client.send(new sdk.CreateBucketCommand({ Bucket: storage.store.bucket }))
    return stop
  }, 60_000)

  test("Ceph's gateway: the probe finds md5 mode and a guard that holds", async () => {
    const { probedAt: _, ...seen } = await storage.probeStore()
    expect(seen).toEqual({
      checksum: 'md5',
      partEtagIsMd5: true,
      copyDigest: false,
      conditionalComplete: false,
      cors: false,
      unsignedCopySource: 'guarded',
    })
  })

  test("Ceph's gateway: with the guard nobody copies a foreign object", async () => {
    const victim = await storeVictim(storage)
    const open = await steal(storage, victim, { isPart: false, guarded: false, size: 0 })
    expect(open.stored).toMatchObject([{ size: SECRET.length }])
    await storage.deleteObject('users/thief/1')

    for (const tricks of ALL_TRICKS) {
      for (const isPart of [false, true]) {
        for (const digestIsKnown of [false, true]) {
          const theft = { isPart, digestIsKnown, guarded: true, size: 0, tricks }
          expect((await steal(storage, victim, theft)).stored, JSON.stringify(theft)).toEqual([])
        }
      }
    }
  })

  test("Ceph's gateway: a guarded upload goes through, and a completed one is gone", async () => {
    const key = "users/a:b@c.d/it's (1)*+&= ü😀"
    const s3UploadId = await storage.createMultipartUpload(key, { checksum: 'md5' })
    const body = Buffer.from('hello')
    const digest = createHash('md5').update(body).digest('base64')
    const object = { key, s3UploadId, fileSize: 5, checksum: 'md5', guarded: true } as const
    const { url, headers, signatures } = storage.signParts(object, [{ partNumber: 1, digest }], 60)
    const filled = url.replace('{partNumber}', '1').replace('{signature}', signatures['1'] ?? '')
    const put = await fetch(filled, {
      method: 'PUT',
      body,
      headers: { ...headers, 'content-md5': digest },
    })
    expect(put.status).toBe(200)

    const parts = (await storage.listParts(key, s3UploadId)) ?? []
    const etag = createHash('md5').update(body).digest('hex')
    expect(parts).toEqual([{ partNumber: 1, size: 5, etag, sha256: null }])
    expect(await storage.listMultipartUploads(key)).toEqual([s3UploadId])
    const complete = () => storage.completeMultipartUpload(key, s3UploadId, parts, 'md5')
    expect(await complete()).toBe('completed')
    expect(await complete()).toMatch(/^(completed|gone)$/)
    expect(await storage.headObject(key)).toMatchObject({ size: 5, sha256: null })
    await storage.abortMultipartUpload(key, s3UploadId)
    expect(await storage.listParts(key, s3UploadId)).toBe(null)
    await storage.deleteObject(key)
    expect(await storage.headObject(key)).toBe(null)
  })
}
