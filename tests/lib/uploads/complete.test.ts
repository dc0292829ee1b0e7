import { expect, test } from 'vitest'
import { query } from '../../../lib/db/client.ts'
import { completeUploads, deadlinesFrom } from '../../../lib/uploads/complete.ts'
import { sql } from '../../../lib/vendor/orm.js'
import { anAccount } from '../../local/account.ts'
import { aContent } from '../../local/content.ts'
import { sendParts, uploader } from '../../local/uploading.ts'

async function aSentUpload() {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(3000)
  const { uploadId, ...result } = (await uploader(apiKey).start([content, { path: 'a' }])).body
    .results[0]
  await sendParts(result, content)
  return { apiKey, accountId, uploadId }
}

test('what cannot be begun in time is answered as completing and stays open for the next call', async () => {
  const { apiKey, accountId, uploadId } = await aSentUpload()
  const late = await completeUploads(accountId, [uploadId], {
    ...deadlinesFrom(Date.now()),
    beginBefore: 0,
  })
  expect(late).toEqual([{ uploadId, status: 'completing', retryAfterSeconds: 2 }])
  expect((await uploader(apiKey).read(uploadId)).body.status).toBe('open')
  expect((await completeUploads(accountId, [uploadId]))[0]).toMatchObject({ status: 'stored' })
})

test('while somebody else completes it, an upload is completing; after 75 s it is taken over', async () => {
  const { apiKey, accountId, uploadId } = await aSentUpload()
  await query(
    sql`UPDATE uploads SET state = 'completing', completing_since = now() - interval '70 seconds' WHERE id = ${uploadId}`,
  )
  expect((await completeUploads(accountId, [uploadId]))[0]).toMatchObject({ status: 'completing' })
  expect((await uploader(apiKey).abort(uploadId)).status).toBe(409)

  await query(
    sql`UPDATE uploads SET completing_since = now() - interval '76 seconds' WHERE id = ${uploadId}`,
  )
  expect((await completeUploads(accountId, [uploadId]))[0]).toMatchObject({ status: 'stored' })
})
