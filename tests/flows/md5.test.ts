import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { aContent } from '../local/content.ts'
import { startS3 } from '../local/s3/server.ts'

// A store that ignores SHA-256 checksums and honours unsigned copies; chosen before anything reads the environment.
const store = await startS3({
  dataDir: join(tmpdir(), `jetty-md5-${randomUUID()}`),
  profile: 'compat',
  accessKeyId: process.env.LYVE_ACCESS_KEY ?? '',
  secretAccessKey: process.env.LYVE_SECRET_KEY ?? '',
  region: process.env.LYVE_REGION ?? '',
  bucket: process.env.LYVE_BUCKET_NAME ?? '',
})
process.env.LYVE_ENDPOINT = store.endpoint
afterAll(() => store.stop())

const { uploadFlow } = await import('./suite.ts')
uploadFlow('md5')

test('md5: there are no manifests and no bases, for nothing tells what was copied; sketches are kept', async () => {
  const { anAccount } = await import('../local/account.ts')
  const { describe } = await import('../local/delta.ts')
  const { uploader, usageOf } = await import('../local/uploading.ts')
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(17 * 1024 * 1024)
  const { said } = await describe(content)
  const { body } = await uploader(apiKey).start([content, { path: 'a', ...said }])
  const [result] = body.results
  expect(result).toMatchObject({ status: 'open', checksum: 'md5', manifest: null, base: null })
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: content.fileSize })
  const { query } = await import('../../lib/db/client.ts')
  const { sql } = await import('../../lib/vendor/orm.js')
  const [row] = await query(sql`SELECT sketch_bins FROM uploads WHERE account_id = ${accountId}`)
  expect(row?.sketch_bins).toEqual(Buffer.from(said.sketch.bins, 'base64'))
})
