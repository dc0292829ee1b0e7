import { expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { ownDatabase } from './own-database.ts'

const client = await ownDatabase()
const { sweep } = await import('../../../lib/sweep/sweep.ts')
const { anAccount } = await import('../../local/account.ts')
const { uploader, uploadWhole } = await import('../../local/uploading.ts')

async function idsOf(statement: string, values: unknown[] = []): Promise<string[]> {
  const { rows } = await client.query(statement, values)
  return rows.map(({ id }) => id)
}

test('receipts of webhooks are kept for 30 days', async () => {
  for (const [id, age] of [
    ['old', '30 days 1 minute'],
    ['young', '29 days 23 hours'],
  ])
    await client.query(
      "INSERT INTO webhook_receipts VALUES ('/x', $1, 'digest', NULL, now() - $2::interval)",
      [id, age],
    )
  await sweep()
  expect(await idsOf('SELECT webhook_id AS id FROM webhook_receipts')).toEqual(['young'])
})

test('credentials are kept for as long as they are shown', async () => {
  for (const [id, age] of [
    ['old', '1 second'],
    ['young', '-1 minute'],
  ])
    await client.query(
      "INSERT INTO jettythunder_credentials VALUES ('storage', $1, 'd', 's', now(), now() - $2::interval)",
      [id, age],
    )
  await sweep()
  expect(await idsOf('SELECT subject AS id FROM jettythunder_credentials')).toEqual(['young'])
})

test('downloads are kept while the statistics can ask for them', async () => {
  const { apiKey, accountId } = await anAccount()
  await uploadWhole(apiKey, await aContent(10), 'a')
  for (const age of ['31 days 1 minute', '30 days 23 hours'])
    await client.query(
      `INSERT INTO downloads (account_id, blob_id, bytes, free_until)
       SELECT account_id, id, 10, now() - $2::interval FROM file_hashes WHERE account_id = $1`,
      [accountId, age],
    )
  await sweep()
  const left = await client.query(
    "SELECT free_until > now() - interval '31 days' AS young FROM downloads WHERE account_id = $1",
    [accountId],
  )
  expect(left.rows).toEqual([{ young: true }])
})

test('events are kept for 30 days', async () => {
  const { accountId } = await anAccount()
  for (const age of ['30 days 1 minute', '29 days 23 hours'])
    await client.query(
      "INSERT INTO event_outbox (account_id, type, data, created_at) VALUES ($1, 'webhook.test', '{}', now() - $2::interval)",
      [accountId, age],
    )
  await sweep()
  expect(
    await idsOf('SELECT id FROM event_outbox WHERE account_id = $1', [accountId]),
  ).toHaveLength(1)
})

test('ended uploads are kept for 90 days, and until nothing is left of them at the store; their files stay', async () => {
  const { apiKey, accountId } = await anAccount()
  const { start, list, read } = uploader(apiKey)
  const fileId = await uploadWhole(apiKey, await aContent(10), 'old')
  await uploadWhole(apiKey, await aContent(20), 'young')
  await uploadWhole(apiKey, await aContent(17 * 1024 * 1024), 'parts')
  await start([await aContent(30), { path: 'open' }])
  await client.query(
    `INSERT INTO upload_sessions (account_id, upload_id, upload_via, threads, edges_used)
     SELECT account_id, id, 'api', 1, '[]' FROM uploads WHERE account_id = $1`,
    [accountId],
  )
  await client.query(
    `UPDATE uploads SET updated_at = now() - CASE file_size WHEN 20 THEN interval '89 days' ELSE interval '91 days' END
     WHERE account_id = $1`,
    [accountId],
  )
  await sweep()
  const sizes = 'SELECT file_size::int AS id FROM uploads WHERE account_id = $1 ORDER BY 1'
  expect(await idsOf(sizes, [accountId])).toEqual([20, 30, 17 * 1024 * 1024])
  const sessions = 'SELECT id FROM upload_sessions WHERE account_id = $1'
  expect(await idsOf(sessions, [accountId])).toHaveLength(3)
  expect((await list()).body.uploads).toHaveLength(1)
  expect(await idsOf('SELECT id FROM agentcache_assets WHERE id = $1', [fileId])).toEqual([fileId])

  await client.query(
    "UPDATE uploads SET swept_at = now(), updated_at = now() - interval '91 days' WHERE part_count > 1",
  )
  await sweep()
  expect(await idsOf(sizes, [accountId])).toEqual([20, 30])
  expect((await read((await list()).body.uploads[0].uploadId)).status).toBe(200)
})
