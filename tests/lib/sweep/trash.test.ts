import { expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { whileHalfWay } from './half-way.ts'
import { ownDatabase } from './own-database.ts'

const client = await ownDatabase()
const { DELETE, GET, PATCH } = await import('../../../api/storage/files.ts')
const { sweep } = await import('../../../lib/sweep/sweep.ts')
const { anAccount } = await import('../../local/account.ts')
const { uploadWhole, usageOf } = await import('../../local/uploading.ts')

const FILES = '/api/storage/files'
const remove = (as: string, fileId: string) =>
  call(DELETE, 'DELETE', `${FILES}?fileId=${fileId}`, { as })
const restore = (as: string, fileId: string) =>
  call(PATCH, 'PATCH', FILES, { as, body: { fileId, trashed: false } })
const statusOf = async (as: string, fileId: string) =>
  (await call(GET, 'GET', `${FILES}?fileId=${fileId}`, { as })).status

/** A file that has been in the trash for so long. */
async function aTrashed(age: string, account = anAccount()) {
  const { apiKey, accountId } = await account
  const fileId = await uploadWhole(apiKey, await aContent(100), `${age}/${Math.random()}`)
  await remove(apiKey, fileId)
  await client.query(
    'UPDATE agentcache_assets SET trashed_at = now() - $2::interval WHERE id = $1',
    [fileId, age],
  )
  return { apiKey, accountId, fileId }
}

test('a file ends 30 days after it was trashed, and not before; its usage is freed then', async () => {
  const account = await anAccount()
  const old = await aTrashed('30 days 1 minute', Promise.resolve(account))
  const younger = await aTrashed('29 days 23 hours', Promise.resolve(account))
  const live = await uploadWhole(account.apiKey, await aContent(100), 'live')
  expect(await usageOf(account.accountId)).toEqual({ used: 300, reserved: 0 })

  expect(await sweep()).toMatchObject({ trashed: 1 })
  expect(await usageOf(account.accountId)).toEqual({ used: 200, reserved: 0 })
  expect(await statusOf(account.apiKey, old.fileId)).toBe(404)
  expect(await statusOf(account.apiKey, younger.fileId)).toBe(200)
  expect(await statusOf(account.apiKey, live)).toBe(200)
  expect(await sweep()).toMatchObject({ trashed: 0 })
})

test('the blob of a file that ended in the trash has its whole grace period', async () => {
  const { accountId } = await aTrashed('31 days')
  await client.query(
    "UPDATE file_hashes SET last_referenced_at = now() - interval '31 days' WHERE account_id = $1",
    [accountId],
  )
  expect(await sweep()).toMatchObject({ trashed: 1, blobs: 0 })
  expect(await sweep()).toMatchObject({ trashed: 0, blobs: 0 })
  const { rows } = await client.query(
    "SELECT last_referenced_at > now() - interval '1 minute' AS fresh FROM file_hashes WHERE account_id = $1",
    [accountId],
  )
  expect(rows).toEqual([{ fresh: true }])
})

test('a file restored just before the sweep stays, also when the restoration is only half-way', async () => {
  const { apiKey, fileId } = await aTrashed('31 days')
  await restore(apiKey, fileId)
  expect(await sweep()).toMatchObject({ trashed: 0 })
  expect(await statusOf(apiKey, fileId)).toBe(200)

  const other = await aTrashed('31 days')
  const restoration = `UPDATE agentcache_assets SET trashed_at = NULL WHERE id = '${other.fileId}'`
  expect(await whileHalfWay(other.accountId, restoration, sweep)).toMatchObject({ trashed: 0 })
  expect(await statusOf(other.apiKey, other.fileId)).toBe(200)
  expect(await usageOf(other.accountId)).toEqual({ used: 100, reserved: 0 })
})

test('of restoring and sweeping at the same time one counts, and the usage is right either way', async () => {
  for (let n = 0; n < 10; n++) {
    const { apiKey, accountId, fileId } = await aTrashed('31 days')
    const [{ trashed }, { status }] = await Promise.all([sweep(), restore(apiKey, fileId)])
    expect([trashed, status]).toEqual(trashed === 1 ? [1, 404] : [0, 200])
    expect(await usageOf(accountId)).toEqual({ used: trashed === 1 ? 0 : 100, reserved: 0 })
  }
})

test('sweeps at the same time end each file once', async () => {
  const account = anAccount()
  for (let n = 0; n < 5; n++) await aTrashed('31 days', account)
  const swept = await Promise.all([sweep(), sweep(), sweep()])
  expect(swept.map(({ trashed }) => trashed).reduce((a, b) => a + b)).toBe(5)
  expect(await usageOf((await account).accountId)).toEqual({ used: 0, reserved: 0 })
})

test('a customer who listens is told, as of any permanent deletion', async () => {
  const { accountId, fileId } = await aTrashed('31 days')
  await client.query(
    "INSERT INTO event_endpoints (account_id, url, sealed_secret) VALUES ($1, 'https://hooks.example', 'x')",
    [accountId],
  )
  await sweep()
  const { rows } = await client.query('SELECT type, data FROM event_outbox WHERE account_id = $1', [
    accountId,
  ])
  expect(rows).toEqual([
    {
      type: 'file.deleted',
      data: { fileId, path: expect.any(String), fileSize: 100, permanent: true },
    },
  ])
})

test('an account whose figures are wrong keeps the sweep from no other, and is put right within a day', async () => {
  const [bad, good] = [await aTrashed('32 days'), await aTrashed('31 days')]
  await client.query('UPDATE agentcache_accounts SET storage_used_bytes = 10 WHERE id = $1', [
    bad.accountId,
  ])
  expect(await sweep()).toMatchObject({ trashed: 1, reconciled: 0 })
  expect(await statusOf(good.apiKey, good.fileId)).toBe(404)
  expect(await statusOf(bad.apiKey, bad.fileId)).toBe(200)

  await client.query("UPDATE agentcache_accounts SET reconciled_at = now() - interval '25 hours'")
  expect(await sweep()).toMatchObject({ differences: 1 })
  expect(await sweep()).toMatchObject({ trashed: 1 })
  expect(await usageOf(bad.accountId)).toEqual({ used: 0, reserved: 0 })
})

test('a trash of more files than one run takes is emptied by the next ones', async () => {
  const { accountId } = await aTrashed('31 days')
  await client.query(
    `INSERT INTO agentcache_assets (account_id, blob_id, path, size_bytes, content_type, uploaded_via, trashed_at)
     SELECT account_id, blob_id, path || n, size_bytes, content_type, uploaded_via, trashed_at
     FROM agentcache_assets CROSS JOIN generate_series(1, 1500) n WHERE account_id = $1`,
    [accountId],
  )
  await client.query(
    'UPDATE agentcache_accounts SET storage_used_bytes = 100 * 1501 WHERE id = $1',
    [accountId],
  )
  expect(await sweep()).toMatchObject({ trashed: 1000 })
  expect(await sweep()).toMatchObject({ trashed: 501 })
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
})
