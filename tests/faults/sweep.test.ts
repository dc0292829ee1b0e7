import { isDeepStrictEqual } from 'node:util'
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
const { manifestKeyOf } = await import('../../lib/storage/keys.ts')
const { headObject } = await import('../../lib/storage/objects.ts')
const { aDeclared } = await import('../lib/sessions/tracking.ts')
const { sweep } = await import('../../lib/sweep/sweep.ts')
const { anAccount } = await import('../local/account.ts')
const { sayManifest, sendManifest, uploadDescribed } = await import('../local/delta.ts')
const { sendParts, uploader, uploadWhole, usageOf } = await import('../local/uploading.ts')

const A_MANIFEST = Buffer.from('a manifest')
const described = await aContent(6 * MIB)

/** Something for every step of the sweep, all of it due. */
async function aWorldToSweep() {
  const { apiKey, accountId } = await anAccount()
  const { start, abort } = uploader(apiKey)
  const kept = await aContent(10)
  await uploadWhole(apiKey, kept, 'kept')
  const trashed = await uploadWhole(apiKey, await aContent(100), 'trashed')
  const ended = await uploadDescribed(apiKey, described, 'ended')
  await call(DELETE, 'DELETE', `/api/storage/files?fileId=${ended}&permanent=true`, { as: apiKey })

  const contents = [await aDeclared(17 * MIB), await aDeclared(18 * MIB), await aContent(300)]
  const ids: string[] = []
  for (const [n, content] of contents.entries()) {
    const manifest = n === 0 ? { manifest: sayManifest(A_MANIFEST) } : {}
    const [result] = (await start([content, { path: `upload ${n}`, ...manifest }])).body.results
    if (result.manifest) await sendManifest(result.manifest, A_MANIFEST)
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
    [
      "UPDATE uploads SET expires_at = now() - interval '1 second', manifest_url_expires_at = now() WHERE id = $1",
      forgotten,
    ],
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
  return accountId
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

/** Lets everything be due that a sweep may have left, what it had claimed included: that is taken over as from any dead function. */
async function letTimePass() {
  await letDaysPass()
  await client.query(
    "UPDATE uploads SET completing_since = completing_since - interval '80 seconds' WHERE state = 'completing'",
  )
  await client.query(
    "UPDATE uploads SET updated_at = now() - interval '6 minutes', urls_expire_at = now() - interval '1 second' WHERE state = 'aborted'",
  )
}

/** What is left of an account: its figures, its blobs, and what the store has under its keys. */
async function remainsOf(accountId: string) {
  const { rows: blobs } = await client.query(
    "SELECT file_size::int AS size FROM file_hashes WHERE account_id = $1 AND state = 'live' ORDER BY 1",
    [accountId],
  )
  const { rows: keys } = await client.query(
    'SELECT storage_key AS key FROM uploads WHERE account_id = $1 ORDER BY file_size',
    [accountId],
  )
  const sizes: number[] = []
  let orphans = 0
  for (const { key } of keys) {
    for (const stored of [key, manifestKeyOf(key)]) {
      const object = await headObject(stored)
      if (object) sizes.push(object.size)
    }
    orphans += (await listMultipartUploads(key)).length
  }
  return { ...(await usageOf(accountId)), blobs: blobs.map(({ size }) => size), sizes, orphans }
}

// A death can come anywhere; a lost answer fails one step, and a few of them show what that does to the others.
for (const [fault, stride] of [
  ['hang', 1],
  ['lose', 4],
] as const) {
  test(`a sweep that ends in "${fault}" at any step is made good by the next ones`, {
    timeout: 240_000,
  }, async () => {
    const good = { used: 310, reserved: 0, blobs: [10, 300], sizes: [10, 300], orphans: 0 }
    for (let n = 1; ; n += stride) {
      const accountId = await aWorldToSweep()
      const wasReached = await interruptSweep(n, fault)
      let remains = {}
      // What the dead run had asked for last may still be taking effect at the first of these.
      for (let run = 0; run < 4 && !isDeepStrictEqual(remains, good); run++) {
        await letTimePass()
        await sweep()
        remains = await remainsOf(accountId)
      }
      expect({ n, ...remains }).toEqual({ n, ...good })
      if (!wasReached) break
    }
  })
}
