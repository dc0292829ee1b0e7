import { afterAll, expect, test } from 'vitest'
import { migrate } from '../../drizzle/migrate.ts'
import { seed } from '../../drizzle/seed.ts'
import { aContent } from '../local/content.ts'
import { aDatabase } from '../local/database.ts'
import { throughProxies } from '../local/proxied.ts'
import { call } from '../local/request.ts'

// The sweep looks at all accounts, so it is counted in a database that has no others.
const { url, client } = await aDatabase()
await migrate(url)
await seed(client)
process.env.DATABASE_URL = url
afterAll(() => client.end())

const proxies = await throughProxies()
const { anAccount } = await import('../local/account.ts')
const { sayManifest } = await import('../local/delta.ts')
const { uploader, uploadWhole } = await import('../local/uploading.ts')
const { GET } = await import('../../api/cron/sweep.ts')

async function costOfSweep() {
  for (const proxy of Object.values(proxies)) proxy.passed.length = 0
  const headers = { authorization: `Bearer ${process.env.CRON_SECRET}` }
  const { body } = await call(GET, 'GET', '/api/cron/sweep', { headers })
  const trips = Object.entries(proxies).map(([name, { passed }]) => [name, passed.length])
  return { ...Object.fromEntries(trips), ...body }
}

const NOTHING = {
  redis: 0,
  sql: 10,
  s3: 0,
  completed: 0,
  expired: 0,
  released: 0,
  trashed: 0,
  blobs: 0,
  orphans: 0,
  reconciled: 0,
  differences: 0,
}

test('a sweep costs ten SQL with nothing to do, whatever there is', async () => {
  expect(await costOfSweep()).toEqual(NOTHING)
  const { apiKey } = await anAccount()
  await uploadWhole(apiKey, await aContent(100), 'kept')
  expect(await costOfSweep()).toEqual(NOTHING)
})

test('a forgotten upload costs two SQL and three calls to the store, and later one and two to see that nothing is left', async () => {
  const { apiKey } = await anAccount()
  await uploader(apiKey).start([await aContent(17 * 1024 * 1024), { path: 'forgotten' }])
  await client.query(
    "UPDATE uploads SET expires_at = now() - interval '1 second' WHERE state = 'open'",
  )
  expect(await costOfSweep()).toEqual({ ...NOTHING, sql: 12, s3: 3, expired: 1, released: 1 })
  expect(await costOfSweep()).toEqual(NOTHING)

  await client.query(
    "UPDATE uploads SET updated_at = now() - interval '1 day', urls_expire_at = now() - interval '1 day'",
  )
  expect(await costOfSweep()).toEqual({ ...NOTHING, sql: 11, s3: 2 })
  expect(await costOfSweep()).toEqual(NOTHING)
})

test('an ended upload with a manifest costs nothing until its URL is over, and then one call to the store more', async () => {
  const { apiKey } = await anAccount()
  const wanted = { path: 'forgotten', manifest: sayManifest(Buffer.alloc(100)) }
  await uploader(apiKey).start([await aContent(17 * 1024 * 1024), wanted])
  await client.query(
    "UPDATE uploads SET expires_at = now() - interval '1 second' WHERE state = 'open'",
  )
  expect(await costOfSweep()).toEqual({ ...NOTHING, sql: 11, expired: 1 })
  expect(await costOfSweep()).toEqual(NOTHING)
  await client.query("UPDATE uploads SET manifest_url_expires_at = now() WHERE state = 'aborting'")
  expect(await costOfSweep()).toEqual({ ...NOTHING, sql: 11, s3: 4, released: 1 })
  await client.query('UPDATE uploads SET swept_at = now()')
})

test('files in the trash cost one SQL an account to end, and their blobs two and one call to the store each', async () => {
  const { apiKey } = await anAccount()
  for (const path of ['a', 'b', 'c']) await uploadWhole(apiKey, await aContent(100), path)
  await client.query("UPDATE agentcache_assets SET trashed_at = now() - interval '31 days'")
  const ended = Number((await client.query('SELECT count(*) FROM agentcache_assets')).rows[0].count)
  expect(await costOfSweep()).toEqual({ ...NOTHING, sql: 12, trashed: ended })
  expect(ended).toBe(4)

  await client.query("UPDATE file_hashes SET last_referenced_at = now() - interval '49 hours'")
  expect(await costOfSweep()).toEqual({ ...NOTHING, sql: 14, s3: 4, blobs: 4 })
  expect(await costOfSweep()).toEqual(NOTHING)
})

test('comparing accounts costs one SQL in whatever number, and one for each that differs', async () => {
  for (let n = 0; n < 5; n++) await anAccount()
  await client.query("UPDATE agentcache_accounts SET reconciled_at = now() - interval '25 hours'")
  const accounts = Number(
    (await client.query('SELECT count(*) FROM agentcache_accounts')).rows[0].count,
  )
  expect(await costOfSweep()).toEqual({ ...NOTHING, sql: 11, reconciled: accounts })

  const { accountId } = await anAccount({ bytesLeft: 10 })
  await client.query("UPDATE agentcache_accounts SET reconciled_at = '2020-01-01' WHERE id = $1", [
    accountId,
  ])
  expect(await costOfSweep()).toEqual({ ...NOTHING, sql: 12, reconciled: 1, differences: 1 })
})
