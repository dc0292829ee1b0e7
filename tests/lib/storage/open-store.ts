import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { startS3 } from '../../local/s3/server.ts'
import { FIXED, newSecrets } from '../../local/settings.ts'
import { temporaryFolder } from '../../local/temporary.ts'

const KEYS = { LYVE_ACCESS_KEY: 'AKIDEXAMPLE+1', LYVE_SECRET_KEY: 'a secret of some length' }

/** Product modules, loaded afresh for the store that the environment names now. */
export type Storage = Awaited<ReturnType<typeof loadStorage>>

/** Points the environment at an endpoint and loads the storage modules for it. What a stack has set otherwise stays. */
export async function loadStorage(endpoint: string, keys: typeof KEYS = KEYS) {
  const { POSTGRES_PASSWORD: _, ...secrets } = newSecrets()
  const elsewhere = {
    DATABASE_URL: 'postgres://nobody@localhost/none',
    UPSTASH_REDIS_REST_URL: 'http://localhost:1',
  }
  const present = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value))
  Object.assign(process.env, { ...elsewhere, ...FIXED, ...secrets, ...present })
  Object.assign(process.env, { ...keys, LYVE_ENDPOINT: endpoint })
  vi.resetModules()
  await import('../../local/preload.ts')
  return {
    ...(await import('../../../lib/storage/config.ts')),
    ...(await import('../../../lib/storage/client.ts')),
    ...(await import('../../../lib/storage/multipart.ts')),
    ...(await import('../../../lib/storage/objects.ts')),
    ...(await import('../../../lib/storage/sign-parts.ts')),
    ...(await import('../../../lib/storage/download.ts')),
    ...(await import('../../../lib/storage/probe.ts')),
  }
}

/** An empty store of its own for one test, and the product modules pointed at it. */
export async function openStore(
  profile: 'aws' | 'compat',
  options: { cors?: boolean } = {},
): Promise<Storage> {
  const server = await startS3({
    dataDir: join(await temporaryFolder(), 's3'),
    profile,
    accessKeyId: KEYS.LYVE_ACCESS_KEY,
    secretAccessKey: KEYS.LYVE_SECRET_KEY,
    region: FIXED.LYVE_REGION,
    bucket: FIXED.LYVE_BUCKET_NAME,
    ...options,
  })
  onTestFinished(server.stop)
  return await loadStorage(server.endpoint)
}
