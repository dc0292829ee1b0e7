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
const { uploader } = await import('../local/uploading.ts')
const { GET } = await import('../../api/cron/sweep.ts')

async function costOfSweep() {
  for (const proxy of Object.values(proxies)) proxy.passed.length = 0
  const headers = { authorization: `Bearer ${process.env.CRON_SECRET}` }
  const { body } = await call(GET, 'GET', '/api/cron/sweep', { headers })
  const trips = Object.entries(proxies).map(([name, { passed }]) => [name, passed.length])
  return { ...Object.fromEntries(trips), ...body }
}

test('a sweep costs three SQL, and two more and three calls to the store to end a forgotten upload', async () => {
  const nothing = { redis: 0, sql: 3, s3: 0, completed: 0, expired: 0, released: 0 }
  expect(await costOfSweep()).toEqual(nothing)

  const { apiKey } = await anAccount()
  await uploader(apiKey).start([await aContent(17 * 1024 * 1024), { path: 'forgotten' }])
  await client.query("UPDATE uploads SET expires_at = now() - interval '1 second'")
  expect(await costOfSweep()).toEqual({ ...nothing, sql: 5, s3: 3, expired: 1, released: 1 })
  expect(await costOfSweep()).toEqual(nothing)
})
