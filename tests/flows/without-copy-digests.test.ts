import { expect, test } from 'vitest'
import { aContent } from '../local/content.ts'
import { throughProxies } from '../local/proxied.ts'

const MIB = 1024 * 1024

// A store that verifies what it receives, but says nothing of what it copied: known as such before anybody asks.
const { s3 } = await throughProxies()
const { keepCapabilities } = await import('../../lib/storage/capabilities.ts')
await keepCapabilities({
  checksum: 'sha256',
  partEtagIsMd5: true,
  copyDigest: false,
  conditionalComplete: true,
  cors: true,
  unsignedCopySource: 'refused',
  probedAt: new Date().toISOString(),
})
const { anAccount } = await import('../local/account.ts')
const { copy, uploadDescribed } = await import('../local/delta.ts')
const { sendParts, uploader } = await import('../local/uploading.ts')

test('where the store does not say what it copied, no base is offered, and whoever asks for copies is sent uploading', async () => {
  const { apiKey } = await anAccount()
  const fileId = await uploadDescribed(apiKey, await aContent(17 * MIB), 'a')
  const { start, complete } = uploader(apiKey)
  const content = await aContent(18 * MIB)
  const [result] = (await start([content, { path: 'a', baseFileId: fileId }])).body.results
  expect(result).toMatchObject({ status: 'open', checksum: 'sha256', base: null })

  s3.passed.length = 0
  const parts = [[1, 3, 0]]
  const { uploadId } = result
  expect((await copy(apiKey, { uploadId, fileId, parts })).body).toEqual({
    uploadId,
    copied: [],
    refused: [[1, 3]],
    left: [],
  })
  expect(s3.passed).toEqual([])
  await sendParts(result, content)
  expect((await complete(uploadId)).body.results[0].status).toBe('stored')
})
