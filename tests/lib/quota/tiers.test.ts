import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TIERS } from '../../../drizzle/catalogue.ts'
import { ownStack } from '../../local/own-stack.ts'

// Rows of tier_configs are everybody's: a stack of this file's own.
await ownStack({ edges: 2 })
const { GET: quota } = await import('../../../api/agentcache/quota.ts')
const { POST: optimal } = await import('../../../api/jetty/optimal-edges.ts')
const { GET: download } = await import('../../../api/storage/download.ts')
const { query } = await import('../../../lib/db/client.ts')
const { sql } = await import('../../../lib/vendor/orm.js')
const { anAccount } = await import('../../local/account.ts')
const { aContent } = await import('../../local/content.ts')
const { call } = await import('../../local/request.ts')
const { sendParts, uploader, uploadWhole } = await import('../../local/uploading.ts')

const ROOT = join(import.meta.dirname, '../../..')
const MIB = 1024 ** 2
const view = (as: string) => call(quota, 'GET', '/api/agentcache/quota', { as })
const link = (as: string, fileId: string) =>
  call(download, 'GET', `/api/storage/download?fileId=${fileId}`, {
    as,
    headers: { accept: 'application/json' },
  })

/** The catalogue's row comes back after the test, whatever the test did to it. */
async function withTier(
  tier: string,
  change: Record<string, number | boolean>,
  body: () => unknown,
) {
  const [before] = await query(sql`SELECT * FROM tier_configs WHERE tier = ${tier}`)
  const set = (row: Record<string, unknown>) =>
    query(
      sql`UPDATE tier_configs SET ${sql.join(
        Object.entries(row).map(([name, value]) => sql`${sql.identifier(name)} = ${value}`),
        sql`, `,
      )} WHERE tier = ${tier}`,
    )
  await set(change)
  try {
    await body()
  } finally {
    await set({ ...before })
  }
}

test.each(TIERS)('tier $tier is what its row says', async (row) => {
  const { apiKey } = await anAccount({ tier: row.tier })
  const { body } = await view(apiKey)
  expect(body).toMatchObject({
    tier: row.tier,
    jetty_speed_enabled: row.jettySpeedEnabled,
    storage: { quotaBytes: row.storageQuotaBytes, usedBytes: 0, reservedBytes: 0, percent: 0 },
    bandwidth: { quotaBytes: row.bandwidthQuotaBytes, usedBytes: 0, percent: 0 },
    features: {
      edges: row.jettySpeedEnabled,
      connections: row.connectionsMax,
      fileBytesMax: row.fileBytesMax,
    },
  })
})

test.each(TIERS.filter(({ storageQuotaBytes }) => storageQuotaBytes > 0))(
  'tier $tier sends over the ways and connections of its row: at the start, when signing more, and down again',
  async ({ tier, jettySpeedEnabled, connectionsMax }) => {
    const { apiKey } = await anAccount({ tier })
    const { start, sign, complete } = uploader(apiKey)
    const content = await aContent(17 * MIB)
    const started = await start([content, { path: 'a' }])
    const [result] = started.body.results
    const signed = await sign([{ uploadId: result.uploadId }])
    await sendParts(result, content)
    const fileId = (await complete(result.uploadId)).body.results[0].files[0].fileId
    const granted = await link(apiKey, fileId)
    for (const { status, body } of [started, signed, granted]) {
      expect(status).toBe(200)
      expect(body.connections).toBe(connectionsMax)
      expect(body.edges).toHaveLength(jettySpeedEnabled ? 2 : 0)
      if (jettySpeedEnabled) expect(body.grant.token).toMatch(/^[\w-]+\.[\w-]+$/)
      else expect(body.grant).toBeNull()
    }
    const ways = await call(optimal, 'POST', '/api/jetty/optimal-edges', {
      as: apiKey,
      body: { fileSize: MIB },
    })
    const ids = ways.body.edges.map(({ id }: { id: string }) => id)
    expect(ids).toHaveLength(jettySpeedEnabled ? 3 : 1)
    expect(ids).toContain('direct')
  },
)

test('a tier of no storage and no bandwidth says so, and that another one has some', async () => {
  const { apiKey, accountId } = await anAccount({ tier: 'pro' })
  const fileId = await uploadWhole(apiKey, await aContent(1000), 'kept')
  await query(sql`UPDATE agentcache_accounts SET agentcache_tier = 'free' WHERE id = ${accountId}`)

  const refused = await uploader(apiKey).start([await aContent(1), { path: 'a' }])
  expect(refused).toMatchObject({
    status: 403,
    body: {
      type: '/errors/quota-exceeded',
      detail: expect.stringContaining('Tier free includes no storage; a higher tier does.'),
      quota: { quotaBytes: 0, usedBytes: 1000, reservedBytes: 0, neededBytes: 1 },
    },
  })
  expect(await link(apiKey, fileId)).toMatchObject({
    status: 403,
    body: {
      type: '/errors/bandwidth-exceeded',
      detail: expect.stringContaining('a higher tier has more'),
      bandwidthQuotaBytes: 0,
      neededBytes: 1000,
    },
  })
})

test('another row is another tier, at once, for accounts that are there', async () => {
  const { apiKey } = await anAccount({ tier: 'starter' })
  const { start } = uploader(apiKey)
  expect((await start([await aContent(17 * MIB), { path: 'a' }])).body.edges).toEqual([])

  const other = {
    storage_quota_bytes: 20 * MIB,
    bandwidth_quota_bytes: 1000,
    file_bytes_max: 2 * MIB,
    jetty_speed_enabled: true,
    connections_max: 7,
    rate_limit_per_minute: 5,
  }
  await withTier('starter', other, async () => {
    expect((await view(apiKey)).body).toMatchObject({
      jetty_speed_enabled: true,
      storage: { quotaBytes: 20 * MIB, reservedBytes: 17 * MIB },
      bandwidth: { quotaBytes: 1000 },
      features: { edges: true, connections: 7, fileBytesMax: 2 * MIB },
    })
    const large = await start([await aContent(2 * MIB + 1), { path: 'b' }])
    expect(large.body).toMatchObject({ type: '/errors/too-large', fileBytesMax: 2 * MIB })
    const one = await start([await aContent(2 * MIB), { path: 'c' }])
    expect(one.body).toMatchObject({ connections: 7, edges: [{}, {}] })
    const two = await start([await aContent(2 * MIB), { path: 'd' }])
    expect(two.body.type).toBe('/errors/quota-exceeded')

    const fileId = await uploadWhole(apiKey, await aContent(1001), 'e')
    expect((await link(apiKey, fileId)).body.type).toBe('/errors/bandwidth-exceeded')
    const young = await anAccount({ tier: 'starter' })
    await view(young.apiKey)
    await expect
      .poll(async () => (await view(young.apiKey)).headers.get('ratelimit-policy'))
      .toBe('"calls";q=5;w=60')
  })
})

test('a quota that shrank below what is used shows more than 100 percent, and nothing is lost', async () => {
  const { apiKey } = await anAccount({ tier: 'business' })
  await uploadWhole(apiKey, await aContent(3 * MIB), 'a')
  await withTier('business', { storage_quota_bytes: 2 * MIB }, async () => {
    expect((await view(apiKey)).body.storage).toMatchObject({
      usedBytes: 3 * MIB,
      quotaBytes: 2 * MIB,
      percent: 150,
    })
    expect((await uploader(apiKey).start([await aContent(1), { path: 'b' }])).status).toBe(403)
  })
  await withTier('business', { storage_quota_bytes: 0 }, async () => {
    expect((await view(apiKey)).body.storage.percent).toBeGreaterThan(100)
  })
  expect((await view(apiKey)).body.storage.percent).toBeLessThan(1)
})

test('no code knows a tier by its name: the names stand in one list, for what comes in', () => {
  const named = new RegExp(`['"\`](?:${TIERS.map(({ tier }) => tier).join('|')})['"\`]`)
  const files = ['lib', 'api'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.startsWith('vendor/'))
      .map((file) => `${folder}/${file}`),
  )
  const naming = files.filter((file) => named.test(readFileSync(join(ROOT, file), 'utf8')))
  expect(naming).toEqual(['lib/provisioning/fields.ts'])
})
