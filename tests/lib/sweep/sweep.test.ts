import { expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { throughProxies } from '../../local/proxied.ts'
import { call } from '../../local/request.ts'
import { ownDatabase } from './own-database.ts'

const client = await ownDatabase()
const { sql, redis, s3 } = await throughProxies()
const { GET } = await import('../../../api/cron/sweep.ts')
const { anAccount } = await import('../../local/account.ts')
const { uploader, uploadWhole } = await import('../../local/uploading.ts')

const headers = { authorization: `Bearer ${process.env.CRON_SECRET}` }
const sweep = () => call(GET, 'GET', '/api/cron/sweep', { headers })

/** Something to do for the steps that need Postgres alone, and for those that need the store. */
async function aLotToDo() {
  const { apiKey, accountId } = await anAccount()
  await uploadWhole(apiKey, await aContent(100), 'trashed')
  await client.query(
    "UPDATE agentcache_assets SET trashed_at = now() - interval '31 days' WHERE account_id = $1",
    [accountId],
  )
  const [{ uploadId }] = (
    await uploader(apiKey).start([await aContent(17 * 1024 * 1024), { path: 'forgotten' }])
  ).body.results
  await client.query("UPDATE uploads SET expires_at = now() - interval '1 second' WHERE id = $1", [
    uploadId,
  ])
  await client.query(
    "UPDATE agentcache_accounts SET reconciled_at = now() - interval '25 hours' WHERE id = $1",
    [accountId],
  )
}

test('without the store, what needs it alone waits for the next run', {
  timeout: 60_000,
}, async () => {
  await aLotToDo()
  s3.fault = () => 'refuse'
  expect(await sweep()).toMatchObject({
    status: 200,
    body: { trashed: 1, expired: 1, reconciled: 1, released: 0, differences: 0 },
  })
  s3.fault = undefined
  expect((await sweep()).body).toMatchObject({ released: 1, trashed: 0, expired: 0 })
})

test('without Redis nothing is missing', async () => {
  await aLotToDo()
  redis.fault = () => 'refuse'
  expect((await sweep()).body).toMatchObject({ trashed: 1, expired: 1, reconciled: 1, released: 1 })
  redis.fault = undefined
})

test('a step that fails keeps no other from running, and the scheduler is told', async () => {
  await aLotToDo()
  sql.fault = ({ body }) => (body.includes('webhook_receipts') ? 'refuse' : 'pass')
  expect((await sweep()).status).toBeGreaterThanOrEqual(500)
  sql.fault = undefined
  expect((await sweep()).body).toMatchObject({ trashed: 0, expired: 0, reconciled: 0, released: 0 })
})

test('without Postgres the answer is a refusal', async () => {
  sql.fault = () => 'refuse'
  expect((await sweep()).status).toBeGreaterThanOrEqual(500)
  sql.fault = undefined
})
