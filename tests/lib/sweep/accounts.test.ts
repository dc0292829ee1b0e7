import { expect, test } from 'vitest'
import { aContent } from '../../local/content.ts'
import { send } from '../../local/webhook.ts'
import { whileHalfWay } from './half-way.ts'
import { ownDatabase } from './own-database.ts'

const MIB = 1024 * 1024
const client = await ownDatabase()
const { POST: provision } = await import('../../../api/agentcache/provision.ts')
const { POST: upgrade } = await import('../../../api/agentcache/upgrade.ts')
const { manifestKeyOf } = await import('../../../lib/storage/keys.ts')
const { headObject } = await import('../../../lib/storage/objects.ts')
const { sweep } = await import('../../../lib/sweep/sweep.ts')
const { anAccount } = await import('../../local/account.ts')
const { describe, sendManifest, uploadDescribed } = await import('../../local/delta.ts')
const { sendParts, uploader, uploadWhole, usageOf } = await import('../../local/uploading.ts')

const setStatus = (userId: string, status: string) =>
  send(upgrade, '/api/agentcache/upgrade', { agentcache_user_id: userId, status })

async function rowOf(accountId: string) {
  const { rows } = await client.query('SELECT * FROM agentcache_accounts WHERE id = $1', [
    accountId,
  ])
  return rows[0]
}

/** An account with a live file, a trashed one and two open uploads, deleted so long ago. */
async function aDeleted(age: string) {
  const account = await anAccount()
  const { apiKey, accountId, userId } = account
  for (const path of ['live', 'trashed']) await uploadWhole(apiKey, await aContent(100), path)
  await client.query(
    "UPDATE agentcache_assets SET trashed_at = now() WHERE account_id = $1 AND path = 'trashed'",
    [accountId],
  )
  for (const bytes of [300, 17 * 1024 * 1024]) {
    const content = await aContent(bytes)
    const [result] = (await uploader(apiKey).start([content, { path: `open ${bytes}` }])).body
      .results
    await sendParts(result, content, [1])
  }
  await client.query(
    "INSERT INTO event_endpoints (account_id, url, sealed_secret) VALUES ($1, 'https://hooks.example', 'x')",
    [accountId],
  )
  await client.query(
    "INSERT INTO event_outbox (account_id, type, data) VALUES ($1, 'webhook.test', '{}')",
    [accountId],
  )
  expect((await setStatus(userId, 'deleted')).status).toBe(200)
  await client.query(
    'UPDATE agentcache_accounts SET status_changed_at = now() - $2::interval WHERE id = $1',
    [accountId, age],
  )
  return account
}

async function countOf(table: string, accountId: string): Promise<number> {
  const { rows } = await client.query(`SELECT count(*) FROM ${table} WHERE account_id = $1`, [
    accountId,
  ])
  return Number(rows[0].count)
}

test('30 days after an account was deleted its files, uploads and bytes end, and nothing of it is charged any more', async () => {
  const { accountId } = await aDeleted('30 days 1 minute')
  expect(await sweep()).toMatchObject({ trashed: 2, expired: 2, released: 1, blobs: 0 })
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 300 })
  expect((await rowOf(accountId)).agentcache_email).not.toBe('')

  await client.query("UPDATE uploads SET urls_expire_at = now() - interval '1 second'")
  await client.query("UPDATE file_hashes SET last_referenced_at = now() - interval '49 hours'")
  const { rows: keys } = await client.query('SELECT storage_key FROM uploads')
  expect(await sweep()).toMatchObject({ released: 1, blobs: 2 })
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
  for (const { storage_key: key } of keys) expect(await headObject(key)).toBe(null)
  expect(await countOf('file_hashes', accountId)).toBe(0)
})

test('an account that ended leaves no manifest, neither of its files nor of its uploads, and nothing of them is charged', async () => {
  const { apiKey, accountId, userId } = await anAccount()
  const [stored, open] = await Promise.all([aContent(6 * MIB), aContent(6 * MIB)])
  await uploadDescribed(apiKey, stored, 'a')
  const { manifestBytes, said } = await describe(open)
  const [result] = (await uploader(apiKey).start([open, { path: 'b', ...said }])).body.results
  await sendManifest(result.manifest, manifestBytes)
  await setStatus(userId, 'deleted')
  await client.query(
    "UPDATE agentcache_accounts SET status_changed_at = now() - interval '31 days' WHERE id = $1",
    [accountId],
  )
  const { rows } = await client.query('SELECT storage_key FROM uploads WHERE account_id = $1', [
    accountId,
  ])
  await sweep()
  await client.query(
    "UPDATE uploads SET urls_expire_at = now() - interval '1 second' WHERE account_id = $1",
    [accountId],
  )
  await client.query("UPDATE file_hashes SET last_referenced_at = now() - interval '49 hours'")
  await sweep()
  expect((await usageOf(accountId)).reserved).toBe(6 * MIB + manifestBytes.length)
  await client.query('UPDATE uploads SET manifest_url_expires_at = now() WHERE account_id = $1', [
    accountId,
  ])
  await sweep()
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
  expect(rows).toHaveLength(2)
  for (const { storage_key: key } of rows) expect(await headObject(manifestKeyOf(key))).toBe(null)
})

test('then its addresses are forgotten; the row stays, its user id is taken, and its key is told what happened', async () => {
  const { accountId, apiKey, userId } = await aDeleted('31 days')
  await sweep()
  await client.query("UPDATE uploads SET urls_expire_at = now() - interval '1 second'")
  await sweep()
  await sweep()
  expect(await rowOf(accountId)).toMatchObject({ agentcache_email: '', status: 'deleted' })
  expect(await countOf('event_endpoints', accountId)).toBe(0)
  expect(await countOf('event_outbox', accountId)).toBe(0)
  expect(await uploader(apiKey).list()).toMatchObject({
    status: 403,
    body: { type: '/errors/account-deleted' },
  })
  const again = { agentcache_user_id: userId, agentcache_email: 'new@example.test', tier: 'pro' }
  expect((await send(provision, '/api/agentcache/provision', again)).status).toBe(409)
  expect(await sweep()).toMatchObject({ trashed: 0, expired: 0 })
})

test('before that, or given back, an account keeps everything', async () => {
  const young = await aDeleted('29 days 23 hours')
  const back = await aDeleted('31 days')
  await setStatus(back.userId, 'active')
  const halfWay = await aDeleted('31 days')
  const change = `UPDATE agentcache_accounts SET status = 'active' WHERE id = '${halfWay.accountId}'`
  expect(await whileHalfWay(halfWay.accountId, change, sweep)).toMatchObject({
    trashed: 0,
    expired: 0,
  })
  for (const { accountId } of [young, back, halfWay]) {
    expect(await usageOf(accountId)).toEqual({ used: 200, reserved: 300 + 17 * 1024 * 1024 })
    expect((await rowOf(accountId)).agentcache_email).not.toBe('')
    expect(await countOf('event_endpoints', accountId)).toBe(1)
  }
})

test('an account that was emptied, given back and deleted once more is emptied once more', async () => {
  const { accountId, apiKey, userId } = await aDeleted('31 days')
  for (let run = 0; run < 3; run++) {
    await client.query("UPDATE uploads SET urls_expire_at = now() - interval '1 second'")
    await sweep()
  }
  expect((await rowOf(accountId)).agentcache_email).toBe('')

  await setStatus(userId, 'active')
  await uploadWhole(apiKey, await aContent(100), 'since then')
  await setStatus(userId, 'deleted')
  await client.query(
    "UPDATE agentcache_accounts SET status_changed_at = now() - interval '31 days' WHERE id = $1",
    [accountId],
  )
  expect(await sweep()).toMatchObject({ trashed: 1 })
  expect(await usageOf(accountId)).toEqual({ used: 0, reserved: 0 })
  expect((await rowOf(accountId)).agentcache_email).toBe('')
})
