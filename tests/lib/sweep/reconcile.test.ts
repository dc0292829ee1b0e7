import { afterEach, expect, test, vi } from 'vitest'
import { aContent } from '../../local/content.ts'
import { call } from '../../local/request.ts'
import { ownDatabase } from './own-database.ts'

const client = await ownDatabase()
const { DELETE } = await import('../../../api/storage/files.ts')
const { reconcileUsage } = await import('../../../lib/sweep/reconcile.ts')
const { deadlinesFrom } = await import('../../../lib/uploads/complete.ts')
const { sweep } = await import('../../../lib/sweep/sweep.ts')
const { anAccount } = await import('../../local/account.ts')
const { describe, uploadDescribed } = await import('../../local/delta.ts')
const { uploader, uploadWhole, usageOf } = await import('../../local/uploading.ts')

afterEach(() => vi.restoreAllMocks())

async function letAge() {
  await client.query("UPDATE agentcache_accounts SET reconciled_at = now() - interval '25 hours'")
}

/** An account with 100 bytes live, 200 in the trash, 300 reserved for each of two targets. */
async function anAccountInUse() {
  const account = await anAccount()
  const { apiKey } = account
  await uploadWhole(apiKey, await aContent(100), 'live')
  const trashed = await uploadWhole(apiKey, await aContent(200), 'trashed')
  await call(DELETE, 'DELETE', `/api/storage/files?fileId=${trashed}`, { as: apiKey })
  const open = await aContent(300)
  await uploader(apiKey).start([open, { path: 'open' }], [open, { path: 'open too' }])
  return account
}

test('wrong figures are put right, counted, and logged with what they were and what they are', async () => {
  const { accountId } = await anAccountInUse()
  expect(await usageOf(accountId)).toEqual({ used: 300, reserved: 600 })
  await client.query(
    'UPDATE agentcache_accounts SET storage_used_bytes = 7, storage_reserved_bytes = 8 WHERE id = $1',
    [accountId],
  )
  await letAge()
  const lines: string[] = []
  vi.spyOn(console, 'error').mockImplementation((line) => void lines.push(line))
  expect(await sweep()).toMatchObject({ reconciled: 1, differences: 1 })
  expect(await usageOf(accountId)).toEqual({ used: 300, reserved: 600 })
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      level: 'error',
      message: expect.any(String),
      accountId,
      usedBytes: 7,
      fileBytes: 300,
      reservedBytes: 8,
      targetBytes: 600,
    },
  ])
})

test('manifests count: those of blobs, whatever becomes of their files, and those of uploads that have not ended', async () => {
  const { apiKey, accountId } = await anAccount()
  const content = await aContent(6 * 1024 * 1024)
  const bytes = (await describe(content)).manifestBytes.length
  const fileId = await uploadDescribed(apiKey, content, 'a')
  await call(DELETE, 'DELETE', `/api/storage/files?fileId=${fileId}&permanent=true`, { as: apiKey })
  const open = await aContent(6 * 1024 * 1024)
  const { said } = await describe(open)
  await uploader(apiKey).start([open, { path: 'b', ...said }], [open, { path: 'c', ...said }])
  const right = { used: bytes, reserved: 2 * open.fileSize + said.manifest.bytes }
  expect(await usageOf(accountId)).toEqual(right)

  for (const [blobs, uploads] of [
    ['live', 'open'],
    ['deleting', 'completing'],
    ['live', 'aborting'],
  ]) {
    await client.query('UPDATE file_hashes SET state = $2 WHERE account_id = $1', [
      accountId,
      blobs,
    ])
    await client.query(
      `UPDATE uploads SET state = $2, completing_since = now() WHERE account_id = $1 AND state <> 'done'`,
      [accountId, uploads],
    )
    await client.query("UPDATE file_hashes SET last_referenced_at = now() WHERE state = 'live'")
    await letAge()
    expect((await reconcileUsage(deadlinesFrom(Date.now()))).differences).toBe(0)
    expect(await usageOf(accountId)).toEqual(right)
  }
})

test('right figures are left alone; an account is compared once a day', async () => {
  const { accountId } = await anAccountInUse()
  await letAge()
  const { reconciled, differences } = await sweep()
  expect(differences).toBe(0)
  expect(reconciled).toBeGreaterThanOrEqual(1)
  expect(await usageOf(accountId)).toEqual({ used: 300, reserved: 600 })
  expect(await sweep()).toMatchObject({ reconciled: 0 })
})

test('an upload that is completing or being ended still counts as reserved', async () => {
  const { accountId } = await anAccountInUse()
  for (const state of ['completing', 'aborting']) {
    await client.query(
      'UPDATE uploads SET state = $2, completing_since = now() WHERE account_id = $1',
      [accountId, state],
    )
    await client.query("UPDATE uploads SET state = 'done' WHERE file_size < 300")
    await letAge()
    expect(await sweep()).toMatchObject({ differences: 0 })
  }
})

test('accounts at work are compared without a false alarm, and without being kept waiting', {
  timeout: 30_000,
}, async () => {
  const accounts = await Promise.all(Array.from({ length: 4 }, () => anAccount()))
  let isOver = false
  const work = accounts.map(async ({ apiKey }, n) => {
    for (let m = 0; m < 12; m++) {
      const fileId = await uploadWhole(apiKey, await aContent(1000 + n), `${m}`)
      if (m % 3 === 0)
        await call(DELETE, 'DELETE', `/api/storage/files?fileId=${fileId}&permanent=true`, {
          as: apiKey,
        })
    }
  })
  const done = Promise.all(work).finally(() => {
    isOver = true
  })
  let compared = 0
  while (!isOver) {
    await letAge()
    const { reconciled, differences } = await sweep()
    expect(differences).toBe(0)
    compared += reconciled
  }
  await done
  expect(compared).toBeGreaterThan(accounts.length)
  for (const [n, { accountId }] of accounts.entries())
    expect(await usageOf(accountId)).toEqual({ used: 8 * (1000 + n), reserved: 0 })
})

test('sweeps at the same time correct a difference once', async () => {
  const { accountId } = await anAccountInUse()
  await client.query('UPDATE agentcache_accounts SET storage_used_bytes = 7 WHERE id = $1', [
    accountId,
  ])
  await letAge()
  const swept = await Promise.all([sweep(), sweep(), sweep()])
  expect(swept.reduce((sum, { differences }) => sum + differences, 0)).toBe(1)
  expect(await usageOf(accountId)).toEqual({ used: 300, reserved: 600 })
})

test('of more accounts than one run takes, those compared longest ago come first', async () => {
  await letAge()
  await client.query(
    `INSERT INTO agentcache_accounts (agentcache_user_id, agentcache_email, agentcache_tier, reconciled_at)
     SELECT 'many-' || n, 'e', 'pro', now() - interval '2 days' FROM generate_series(1, 150) n`,
  )
  expect(await sweep()).toMatchObject({ reconciled: 100 })
  const { rows } = await client.query(
    `SELECT count(*)::int FROM agentcache_accounts
     WHERE agentcache_user_id LIKE 'many-%' AND reconciled_at < now() - interval '1 day'`,
  )
  expect(rows).toEqual([{ count: 50 }])
})
