import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { loadStorage, openStore, type Storage } from './open-store.ts'
import { startProxy } from './proxy.ts'

test('a store is probed once; afterwards its row answers, in any process', async () => {
  const storage = await openStore('compat')
  const first = await capabilitiesOf(storage)
  expect(first).toMatchObject({ checksum: 'md5', unsignedCopySource: 'guarded' })

  await expect(storedRow(storage)).resolves.toEqual(first)
  const later = await loadStorage(storage.store.endpoint)
  expect(await capabilitiesOf(later)).toEqual(first)
})

test('within a process one probe serves everyone who asks meanwhile', async () => {
  await openStore('aws')
  const { getCapabilities } = await import('../../../lib/storage/capabilities.ts')
  const [one, other] = await Promise.all([getCapabilities(), getCapabilities()])
  expect(one).toBe(other)
  expect(await getCapabilities()).toBe(one)
})

test('a row of another version of the probe counts as none', async () => {
  const storage = await openStore('aws')
  await capabilitiesOf(storage)
  await replaceRow(storage, { checksum: 'sha256' })
  const later = await loadStorage(storage.store.endpoint)
  expect(await capabilitiesOf(later)).toMatchObject({ copyDigest: true })
})

test('an outage is not kept: the next call probes again', async () => {
  const direct = await openStore('aws')
  let isDown = true
  const storage = await loadStorage(
    await startProxy(direct.store.endpoint, () => (isDown ? 503 : null)),
  )
  const { getCapabilities } = await import('../../../lib/storage/capabilities.ts')
  await expect(getCapabilities()).rejects.toMatchObject({ slug: 'store-unavailable' })
  await expect(storedRow(storage)).resolves.toBe(undefined)
  isDown = false
  expect(await getCapabilities()).toMatchObject({ checksum: 'sha256' })
})

test('npm run probe looks anew, prints what it saw and keeps it', async () => {
  const storage = await openStore('aws')
  await replaceRow(storage, { checksum: 'none' })
  const main = ['--import', 'tsx', '--import', './tests/local/preload.ts']
  const run = (...options: string[]) =>
    promisify(execFile)(process.execPath, [...main, 'lib/storage/probe-main.ts', ...options])

  const { stdout } = await run('--json')
  const printed = JSON.parse(stdout)
  const { endpoint, bucket } = storage.store
  expect(printed).toMatchObject({ endpoint, bucket, checksum: 'sha256' })
  expect(printed).toMatchObject((await storedRow(storage)) ?? {})
  expect((await run()).stdout).toMatch(/^checksum +sha256$/m)
})

/** The module belongs to the environment that `storage` was loaded with. */
async function capabilitiesOf(_: Storage) {
  const { getCapabilities } = await import('../../../lib/storage/capabilities.ts')
  return await getCapabilities()
}

async function storedRow({ store }: Storage): Promise<object | undefined> {
  const { query } = await import('../../../lib/db/client.ts')
  const { sql } = await import('../../../lib/vendor/orm.js')
  const [row] = await query(sql`SELECT capabilities FROM store_capabilities
    WHERE endpoint = ${store.endpoint} AND bucket = ${store.bucket}`)
  const stored = row?.capabilities
  return typeof stored === 'object' && stored !== null ? stored : undefined
}

async function replaceRow({ store }: Storage, capabilities: object): Promise<void> {
  const { query } = await import('../../../lib/db/client.ts')
  const { sql } = await import('../../../lib/vendor/orm.js')
  await query(sql`INSERT INTO store_capabilities (endpoint, bucket, capabilities)
    VALUES (${store.endpoint}, ${store.bucket}, ${JSON.stringify(capabilities)}::jsonb)
    ON CONFLICT (endpoint, bucket) DO UPDATE SET capabilities = EXCLUDED.capabilities`)
}
