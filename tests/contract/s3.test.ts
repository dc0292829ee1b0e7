import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { describe, test } from 'vitest'
import { missingRgwProgram, startRgw } from '../local/rgw.ts'
import { startS3 } from '../local/s3/server.ts'
import { type StartedStore, s3Contract } from './s3.ts'
import { makeTarget } from './s3-target.ts'

const REGION = 'us-east-1'
const BUCKET = 'jetty-contract'

s3Contract('aws', () => startLocal('aws'))
s3Contract('compat', () => startLocal('compat'))

const missing = missingRgwProgram()
if (!missing || process.env.JETTY_CONTRACT === 'debian') s3Contract('rgw', startCeph)
else leftOut('rgw', `${missing} is not installed`)

const real = realStore()
if (real) s3Contract('lyve', async () => real)
else leftOut('lyve', 'REAL_LYVE_ENDPOINT and its companions are not set')

async function startLocal(profile: 'aws' | 'compat'): Promise<StartedStore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'jetty-s3-'))
  const keys = { accessKeyId: 'contract', secretAccessKey: randomBytes(16).toString('hex') }
  const server = await startS3({ dataDir, profile, ...keys, region: REGION, bucket: BUCKET })
  return {
    ...{ endpoint: server.endpoint, ...keys, region: REGION, bucket: BUCKET },
    async stop() {
      await server.stop()
      await rm(dataDir, { recursive: true })
    },
  }
}

async function startCeph(): Promise<StartedStore> {
  const store = { ...(await startRgw()), region: REGION, bucket: BUCKET }
  await makeTarget(store).client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  return store
}

/** The store of a real account. The suite works under `contract/` in its bucket. */
function realStore(): StartedStore | undefined {
  const endpoint = process.env.REAL_LYVE_ENDPOINT
  const accessKeyId = process.env.REAL_LYVE_ACCESS_KEY
  const secretAccessKey = process.env.REAL_LYVE_SECRET_KEY
  const region = process.env.REAL_LYVE_REGION
  const bucket = process.env.REAL_LYVE_BUCKET_NAME
  if (!endpoint || !accessKeyId || !secretAccessKey || !region || !bucket) return undefined
  return { endpoint, accessKeyId, secretAccessKey, region, bucket, stop: async () => {} }
}

function leftOut(backend: string, why: string): void {
  describe(`S3 contract on ${backend}`, () => {
    test.todo(`left out: ${why}`)
  })
}
