import { expect, test } from 'vitest'
import { ownDatabase } from '../lib/sweep/own-database.ts'
import { aContent } from '../local/content.ts'
import { throughProxies } from '../local/proxied.ts'
import type { Fault } from '../local/proxy.ts'
import { call } from '../local/request.ts'

const MIB = 1024 * 1024
const client = await ownDatabase()
const { sql: postgres, s3 } = await throughProxies()
const { DELETE } = await import('../../api/storage/files.ts')
const { createMultipartUpload, listMultipartUploads } = await import(
  '../../lib/storage/multipart.ts'
)
const { headObject } = await import('../../lib/storage/objects.ts')
const { aDeclared } = await import('../lib/sessions/tracking.ts')
const { sweep } = await import('../../lib/sweep/sweep.ts')
const { anAccount } = await import('../local/account.ts')
const { sendParts, uploader, uploadWhole, usageOf } = await import('../local/uploading.ts')

/** Something for every step of the sweep, all of it due. */
async function aWorldToSweep() {
  const { apiKey, accountId } = await anAccount()
  const { start, abort } = uploader(apiKey)
  const kept = await aContent(10)
  await uploadWhole(apiKey, kept, 'kept')
  const trashed = await uploadWhole(apiKey, await aContent(100), 'trashed')
  const ended = await uploadWhole(apiKey, await aContent(200), 'ended')
  await call(DELETE, 'DELETE', `/api/storage/files?fileId=${ended}&permanent=true`, { as: apiKey })

  const contents = [await aDeclared(17 * MIB), await aDeclared(18 * MIB), await aContent(300)]
  const ids: string[] = []
  for (const [n, content] of contents.entries()) {
    const [result] = (await start([content, { path: `upload ${n}` }])).body.results
    ids.push(result.uploadId)
    if (n === 2) await sendParts(result, content)
  }
  const [forgotten, aborted, completing] = ids
  await abort(aborted ?? '')
  const { rows } = await client.query('SELECT storage_key FROM uploads WHERE id = $1', [aborted])
  const orphan = { checksum: 'sha256' } as const
  await createMultipartUpload(String(rows[0]?.storage_key), orphan)

  for (const [statement, id] of [
    ["UPDATE agentcache_assets SET trashed_at = now() - interval '31 days' WHERE id = $1", trashed],
    ["UPDATE uploads SET expires_at = now() - interval '1 second' WHERE id = $1", forgotten],
    [
      "UPDATE uploads SET updated_at = now() - interval '6 minutes', urls_expire_at = now() - interval '1 second' WHERE id = $1",
      aborted,
    ],
    [
      "UPDATE uploads SET state = 'completing', completing_since = now() - interval '80 seconds' WHERE id = $1",
      completing,
    ],
    [
      'UPDATE agentcache_accounts SET storage_reserved_bytes = 1 + storage_reserved_bytes WHERE id = $1',
      accountId,
    ],
  ])
    await client.query(String(statement), [id])
  await letDaysPass()
  return { accountId, fileBytes: 310 }
}

/** Makes blobs and comparisons due, but for what the trash has just released. */
async function letDaysPass() {
  await client.query("UPDATE file_hashes SET last_referenced_at = now() - interval '49 hours'")
  await client.query("UPDATE agentcache_accounts SET reconciled_at = now() - interval '25 hours'")
}

/** Lets a sweep fail at its n-th request; true when it came that far. */
async function interruptSweep(n: number, fault: Fault): Promise<boolean> {
  let requests = 0
  let isReached = false
  let reached: (value: unknown) => void = () => {}
  const interrupted = new Promise((resolve) => {
    reached = resolve
  })
  const decide = (): Fault => {
    if (++requests < n || (isReached && fault !== 'hang')) return 'pass'
    if (!isReached) setTimeout(reached, 100)
    isReached = true
    return fault
  }
  postgres.fault = decide
  s3.fault = decide
  const swept = sweep().catch(() => undefined)
  await (fault === 'hang' ? Promise.race([swept, interrupted]) : swept)
  postgres.fault = undefined
  s3.fault = undefined
  return isReached
}

// A death can come anywhere; a lost answer fails one step, and a few of them show what that does to the others.
for (const [fault, stride] of [
  ['hang', 1],
  ['lose', 4],
] as const) {
  test(`a sweep that ends in "${fault}" at any step is made good by the next ones`, {
    timeout: 120_000,
  }, async () => {
    for (let n = 1; ; n += stride) {
      const { accountId, fileBytes } = await aWorldToSweep()
      const wasReached = await interruptSweep(n, fault)
      // What it had claimed is taken over as from any dead function, 75 s and two days later.
      await client.query(
        "UPDATE uploads SET completing_since = completing_since - interval '80 seconds' WHERE state = 'completing'",
      )
      for (let run = 0; run < 2; run++) {
        await letDaysPass()
        await client.query(
          "UPDATE uploads SET updated_at = now() - interval '6 minutes', urls_expire_at = now() - interval '1 second' WHERE state = 'aborted'",
        )
        await sweep()
      }

      expect(await usageOf(accountId)).toEqual({ used: fileBytes, reserved: 0 })
      const { rows: blobs } = await client.query(
        'SELECT state, file_size::int AS size, storage_key AS key FROM file_hashes WHERE account_id = $1 ORDER BY 2',
        [accountId],
      )
      expect(blobs).toMatchObject([
        { state: 'live', size: 10 },
        { state: 'live', size: 300 },
      ])
      const { rows: keys } = await client.query(
        'SELECT storage_key AS key FROM uploads WHERE account_id = $1',
        [accountId],
      )
      for (const { key } of keys) {
        const isKept = blobs.some((blob) => blob.key === key)
        expect((await headObject(key)) !== null).toBe(isKept)
        expect(await listMultipartUploads(key)).toEqual([])
      }
      if (!wasReached) break
    }
  })
}
