import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ownDatabase } from '../lib/sweep/own-database.ts'
import { AGES, beginning, round, type Step } from './interleaved-steps.ts'

const RUNS = Number(process.env.JETTY_SOAK_RUNS ?? 4)
const QUOTAS = { free: 0, starter: 1_500_000, pro: 45_000_000, business: 60_000_000 }
const ACCOUNTS = 3

// A database of its own, since the sweep looks at all accounts; its tiers are small, so that quotas are met.
const client = await ownDatabase()
for (const [tier, bytes] of Object.entries(QUOTAS))
  await client.query(
    `UPDATE tier_configs SET storage_quota_bytes = $2, file_bytes_max = $2, bandwidth_quota_bytes = 1e15,
       rate_limit_per_minute = 1000000000 WHERE tier = $1`,
    [tier, bytes],
  )
const { aClient, letAge, sweep } = await import('./interleaved-world.ts')
type Client = Awaited<ReturnType<typeof aClient>>

/** What the account's row says, and what its files and uploads say, manifests included. */
async function figuresOf(accountId: string) {
  const { rows } = await client.query(
    `SELECT a.agentcache_tier AS tier, a.storage_used_bytes AS used, a.storage_reserved_bytes AS reserved,
      (SELECT coalesce(sum(size_bytes), 0) FROM agentcache_assets WHERE account_id = a.id)
        + (SELECT coalesce(sum(manifest_bytes), 0) FROM file_hashes WHERE account_id = a.id) AS files,
      (SELECT coalesce(sum(u.file_size), 0) FROM uploads u JOIN upload_targets t ON t.upload_id = u.id
       WHERE u.account_id = a.id AND u.state IN ('open', 'completing', 'aborting'))
        + (SELECT coalesce(sum(manifest_bytes), 0) FROM uploads
           WHERE account_id = a.id AND state IN ('open', 'completing', 'aborting')) AS targets,
      (SELECT count(*) FROM agentcache_assets f JOIN file_hashes b ON b.id = f.blob_id
       WHERE f.account_id = a.id AND (f.size_bytes <> b.file_size OR b.state <> 'live')) AS broken
     FROM agentcache_accounts a WHERE a.id = $1`,
    [accountId],
  )
  const { tier, ...figures } = rows[0]
  const [used = 0, reserved = 0, files = 0, targets = 0, broken = 0] =
    Object.values(figures).map(Number)
  return { quota: quotaOf(tier), used, reserved, files, targets, broken }
}

function quotaOf(tier: string): number {
  return Object.entries(QUOTAS).find(([name]) => name === tier)?.[1] ?? 0
}

/** All steps of a round at the same time; then everything must add up, for each account. */
async function perform(clients: Client[], steps: Step[]): Promise<void> {
  const before: Awaited<ReturnType<typeof figuresOf>>[] = []
  for (const { accountId } of clients) before.push(await figuresOf(accountId))
  const answers = await Promise.all(steps.map((one) => clients[one.who]?.perform(one)))
  for (const answer of answers) {
    expect(answer?.status ?? 200, JSON.stringify(answer?.body)).toBeLessThan(500)
    expect(answer?.body.differences ?? 0).toBe(0)
  }
  for (const [n, { accountId, closeRound }] of clients.entries()) {
    const after = await figuresOf(accountId)
    expect(after).toMatchObject({ used: after.files, reserved: after.targets, broken: 0 })
    // More than the quota is only what was there before the quota became smaller.
    const { used = 0, reserved = 0, quota = 0 } = before[n] ?? {}
    const most = Math.max(used + reserved, quota, ...closeRound().tiers.map(quotaOf))
    expect(after.used + after.reserved).toBeLessThanOrEqual(most)
  }
}

/** Everything ends: nothing may be left that is charged, or that the sweep does not find. */
async function endAll(clients: Client[]): Promise<void> {
  for (let run = 0; run < 4; run++) {
    await client.query('UPDATE agentcache_assets SET trashed_at = now() WHERE trashed_at IS NULL')
    // What was completing may become a file in the first run; then functions die no more.
    const due = AGES.filter((what) => run === 0 || what !== 'completions')
    for (const { accountId } of clients) for (const what of due) await letAge(accountId, what)
    expect((await sweep()).body.differences).toBe(0)
  }
  for (const { accountId } of clients) {
    expect(await figuresOf(accountId)).toMatchObject({ used: 0, reserved: 0, files: 0, targets: 0 })
    const { rows } = await client.query('SELECT state FROM file_hashes WHERE account_id = $1', [
      accountId,
    ])
    expect(rows).toEqual([])
  }
}

test('whatever clients do at the same time, used is the size of the files and manifests, reserved that of the open targets and theirs, and no file is lost', {
  timeout: 60_000 + RUNS * 20_000,
}, async () => {
  const program = fc.array(round, { minLength: 6, maxLength: 10, size: 'max' })
  await fc.assert(
    fc.asyncProperty(beginning, program, async (first, rounds) => {
      const clients = await Promise.all(Array.from({ length: ACCOUNTS }, aClient))
      await perform(clients, first)
      for (const calls of rounds) {
        const steps = calls.flatMap((one) => Array.from({ length: one.times }, () => one.step))
        await perform(clients, steps)
      }
      for (const { lostFiles } of clients) expect(await lostFiles()).toEqual([])
      await endAll(clients)
    }),
    { numRuns: RUNS, endOnFailure: true },
  )
})
