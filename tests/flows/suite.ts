import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { aContent, partOf, type TestContent } from '../local/content.ts'
import { call } from '../local/request.ts'

const MIB = 1024 * 1024

/** Imported late, because a test file may set another store before. */
const { anAccount } = await import('../local/account.ts')
const { fill, sendPart, sendParts, uploader, usageOf } = await import('../local/uploading.ts')
const download = await import('../../api/storage/download.ts')
const { s3 } = await import('../../lib/storage/client.ts')

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into
type Result = any

/** The whole way of a file in one checksum mode; every mode keeps the same promises. */
export function uploadFlow(checksum: 'sha256' | 'md5'): void {
  /** Asks for the signatures that the start could not give. */
  async function signed(apiKey: string, result: Result, content: TestContent): Promise<Result> {
    if (checksum === 'sha256') return result
    expect(result.signed).toBe(null)
    const md5s = Object.fromEntries(content.partMd5s.map((md5, index) => [index + 1, md5]))
    const { body } = await uploader(apiKey).sign([{ uploadId: result.uploadId, md5s }])
    return { ...result, signed: body.results[0].signed }
  }

  async function started(apiKey: string, content: TestContent, path: string): Promise<Result> {
    const { body } = await uploader(apiKey).start([content, { path }])
    return await signed(apiKey, body.results[0], content)
  }

  for (const size of [0, 3000, 17 * MIB]) {
    test(`${checksum}: ${size} bytes go up, become a file, and come back`, async () => {
      const { apiKey, accountId } = await anAccount()
      const content = await aContent(size)
      const result = await started(apiKey, content, 'a/b.bin')
      expect(result).toMatchObject({ status: 'open', checksum })
      expect(new Set(await sendParts(result, content))).toEqual(new Set([200]))

      const { body } = await uploader(apiKey).complete(result.uploadId)
      expect(body.results[0]).toMatchObject({
        status: 'stored',
        verified: checksum === 'sha256',
        fileHash: content.fileHash,
      })
      expect(await usageOf(accountId)).toEqual({ used: size, reserved: 0 })

      const { fileId } = body.results[0].files[0]
      const granted = await call(download.GET, 'GET', `/api/storage/download?fileId=${fileId}`, {
        as: apiKey,
        headers: { accept: 'application/json' },
      })
      const response = await fetch(granted.body.url)
      expect(response.headers.get('content-disposition')).toMatch(/^attachment/)
      expect(Buffer.from(await response.arrayBuffer()).equals(content.bytes)).toBe(true)
    })
  }

  test(`${checksum}: what is missing is named, sent, and completes`, async () => {
    const { apiKey } = await anAccount()
    const content = await aContent(21 * MIB)
    const result = await started(apiKey, content, 'a')
    await sendParts(result, content, [1, 3])
    const { complete, start } = uploader(apiKey)

    const refused = await complete(result.uploadId)
    expect(refused).toMatchObject({
      status: 409,
      body: {
        type: '/errors/parts-missing',
        missingParts: [
          [2, 2],
          [4, 5],
        ],
      },
    })
    const again = (await start([content, { path: 'a' }])).body.results[0]
    expect(again.storedParts).toEqual([
      [1, 1],
      [3, 3],
    ])
    await sendParts(result, content, [2, 4, 5])
    expect((await complete(result.uploadId)).body.results[0].status).toBe('stored')
  })

  test(`${checksum}: other bytes, or fewer, are refused by the store itself`, async () => {
    const { apiKey } = await anAccount()
    const [content, other] = await Promise.all([aContent(3000), aContent(3000)])
    const result = await started(apiKey, content, 'a')
    expect((await sendPart(result, { ...content, bytes: other.bytes }, 1)).status).toBe(400)
    expect(
      (await sendPart(result, { ...content, bytes: content.bytes.subarray(1) }, 1)).status,
    ).toBe(403)
    const refused = await uploader(apiKey).complete(result.uploadId)
    expect(refused.body.type).toBe('/errors/parts-missing')
  })

  /** Stores bytes that no signed URL would let through, as a store may that loses its mind. */
  async function smuggle(result: Result, partNumber: number, bytes: Buffer): Promise<void> {
    const { client, sdk } = await s3()
    const { pathname, searchParams } = new URL(result.signed.url)
    const [, Bucket = '', ...key] = decodeURIComponent(pathname).split('/')
    const digest = createHash('sha256').update(bytes).digest('base64')
    const sent = { Bucket, Key: key.join('/'), Body: bytes }
    const ChecksumSHA256 = checksum === 'sha256' ? digest : undefined
    const UploadId = searchParams.get('uploadId')
    if (UploadId === null) await client.send(new sdk.PutObjectCommand({ ...sent, ChecksumSHA256 }))
    else {
      const part = { ...sent, UploadId, PartNumber: partNumber, ChecksumSHA256 }
      await client.send(new sdk.UploadPartCommand(part))
    }
  }

  for (const [size, partNumber, length] of [
    [3000, 1, 3000],
    [17 * MIB, 2, 5 * MIB],
  ] as const) {
    for (const [what, stored] of [
      ['other bytes', length],
      ['more bytes', length + 1],
    ] as const) {
      test(`${checksum}: ${what} in part ${partNumber} of ${size} bytes are refused at completion by the part's number`, async () => {
        const { apiKey } = await anAccount()
        const content = await aContent(size)
        const result = await started(apiKey, content, 'a')
        await sendParts(result, content)
        await smuggle(result, partNumber, Buffer.alloc(stored, 7))

        const { complete } = uploader(apiKey)
        expect(await complete(result.uploadId)).toMatchObject({
          status: 409,
          body: { type: '/errors/parts-mismatch', mismatchedParts: [[partNumber, partNumber]] },
        })
        await sendParts(result, content, [partNumber])
        expect((await complete(result.uploadId)).body.results[0].status).toBe('stored')
      })
    }
  }

  test(`${checksum}: content that the account has is cloned`, async () => {
    const { apiKey, accountId } = await anAccount()
    const content = await aContent(3000)
    const result = await started(apiKey, content, 'a')
    await sendParts(result, content)
    await uploader(apiKey).complete(result.uploadId)

    const { body } = await uploader(apiKey).start([content, { path: 'b' }])
    expect(body.results[0]).toMatchObject({ status: 'stored', verified: checksum === 'sha256' })
    expect(await usageOf(accountId)).toEqual({ used: 6000, reserved: 0 })
  })

  for (const size of [3000, 17 * MIB]) {
    test(`${checksum}: a signed PUT of ${size} bytes cannot be turned into a copy of somebody else's object`, async () => {
      const [ada, eve] = [await anAccount(), await anAccount()]
      const secret = await aContent(size)
      const theirs = await started(ada.apiKey, secret, 'secret')
      await sendParts(theirs, secret)
      await uploader(ada.apiKey).complete(theirs.uploadId)
      const source = new URL(theirs.signed.url).pathname

      // Eve even knows the secret's digests, and what the store calls it.
      const result = await started(eve.apiKey, secret, 'loot')
      const { url, headers, signatures } = result.signed
      const digest =
        checksum === 'md5'
          ? { 'content-md5': secret.partMd5s[0] ?? '' }
          : { 'x-amz-checksum-sha256': secret.partHashes[0] ?? '' }
      const junk = Buffer.alloc(partOf(secret, 1).length)
      await fetch(fill(url, 1, signatures[1]), {
        method: 'PUT',
        headers: { ...headers, ...digest, 'x-amz-copy-source': source },
        body: junk,
      }).catch(() => undefined)
      expect((await uploader(eve.apiKey).read(result.uploadId)).body.storedParts).toEqual([])
      expect((await uploader(eve.apiKey).complete(result.uploadId)).body.type).toBe(
        '/errors/parts-missing',
      )
    })
  }
}
