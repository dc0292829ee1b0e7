import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
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
