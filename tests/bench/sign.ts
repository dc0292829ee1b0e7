import { createHash, randomBytes } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { layoutOf } from '../../lib/content/layout.ts'

const FILE_BYTES = 625 * 1024 ** 3
const REPEATS = 5
const SDK_URLS = 2_000
const LIFETIME_SECONDS = 3600

/** Signatures per second for part URLs, ours and the SDK presigner's, in one run on one core. */
export type SignBench = { ours: number; sdk: number; parts: number }

/** Measures both with the same parts of one file of 10,000 parts; the best of five runs each, after a warm-up. */
export async function benchSigning(): Promise<SignBench> {
  useMadeUpStore()
  const { signParts } = await import('../../lib/storage/sign-parts.ts')
  const { partCount } = layoutOf(FILE_BYTES)
  const parts = Array.from({ length: partCount }, (_, index) => ({
    partNumber: index + 1,
    digest: createHash('sha256').update(randomBytes(8)).digest('base64'),
  }))
  const object = {
    key: `users/someone/${randomBytes(16).toString('hex')}`,
    s3UploadId: randomBytes(48).toString('base64url'),
    fileSize: FILE_BYTES,
    checksum: 'sha256',
    guarded: false,
  } as const

  const ours = await bestRate(partCount, async () => {
    signParts(object, parts, LIFETIME_SECONDS)
  })
  const sdk = await bestRate(SDK_URLS, await sdkSigner(object, parts.slice(0, SDK_URLS)))
  return { ours, sdk, parts: partCount }
}

type Target = { key: string; s3UploadId: string; fileSize: number }
type Part = { partNumber: number; digest: string }

async function sdkSigner({ key, s3UploadId, fileSize }: Target, parts: Part[]) {
  const { s3 } = await import('../../lib/storage/client.ts')
  const { store } = await import('../../lib/storage/config.ts')
  const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner')
  const { client, sdk } = await s3()
  const ContentLength = layoutOf(fileSize).partSize
  const at = { Bucket: store.bucket, Key: key, UploadId: s3UploadId, ContentLength }
  return async () => {
    for (const { partNumber, digest } of parts) {
      const part = { PartNumber: partNumber, ChecksumSHA256: digest }
      await getSignedUrl(client, new sdk.UploadPartCommand({ ...at, ...part }), {
        expiresIn: LIFETIME_SECONDS,
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
      })
    }
  }
}

async function bestRate(signatures: number, run: () => Promise<void>): Promise<number> {
  await run()
  let fastestSeconds = Number.POSITIVE_INFINITY
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = performance.now()
    await run()
    fastestSeconds = Math.min(fastestSeconds, (performance.now() - start) / 1000)
  }
  return Math.round(signatures / fastestSeconds)
}

/** Signing sends nothing, so the store need not exist; where the environment names one, that one is signed for. */
function useMadeUpStore(): void {
  const secret = 'x'.repeat(32)
  const key = Buffer.alloc(32).toString('base64')
  const madeUp = {
    DATABASE_URL: 'postgres://nobody@localhost/none',
    UPSTASH_REDIS_REST_URL: 'http://localhost:1',
    UPSTASH_REDIS_REST_TOKEN: secret,
    LYVE_ENDPOINT: 'https://s3.us-east-1.lyvecloud.example',
    LYVE_REGION: 'us-east-1',
    LYVE_BUCKET_NAME: 'bench',
    LYVE_ACCESS_KEY: 'AKIDEXAMPLE',
    LYVE_SECRET_KEY: secret,
    JETTYTHUNDER_API_URL: 'self',
    JETTYTHUNDER_WEBHOOK_SECRET: secret,
    AGENTCACHE_WEBHOOK_SECRET: secret,
    INTERNAL_WEBHOOK_SECRET: secret,
    CRON_SECRET: secret,
    ADMIN_TOKEN: secret,
    JETTY_MASTER_KEY: key,
    EDGE_GRANT_PRIVATE_KEY: key,
    DEDUP_SCOPE: 'account',
  }
  Object.assign(process.env, { ...madeUp, ...process.env })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { ours, sdk, parts } = await benchSigning()
  console.log(
    `part signatures per second, best of ${REPEATS} runs, one core, Node ${process.version}`,
  )
  console.log(`  ours                            ${ours}  (${parts} parts of one file)`)
  console.log(`  @aws-sdk/s3-request-presigner   ${sdk}  (${SDK_URLS} of them)`)
}
