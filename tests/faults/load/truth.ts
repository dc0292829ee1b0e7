import pg from 'pg'

/** Accounts whose usage is not what their files, open uploads and the manifests of both add up to; one statement sees one moment. */
const WRONG_USAGE = `
  SELECT * FROM (
    SELECT a.agentcache_user_id AS user_id, a.storage_used_bytes AS used, a.storage_reserved_bytes AS reserved,
      t.storage_quota_bytes AS quota,
      (SELECT coalesce(sum(size_bytes), 0)::bigint FROM agentcache_assets WHERE account_id = a.id)
        + (SELECT coalesce(sum(manifest_bytes), 0)::bigint FROM file_hashes WHERE account_id = a.id) AS files,
      (SELECT coalesce(sum(u.file_size), 0)::bigint FROM uploads u JOIN upload_targets g ON g.upload_id = u.id
        WHERE u.account_id = a.id AND u.state IN ('open', 'completing', 'aborting'))
        + (SELECT coalesce(sum(manifest_bytes), 0)::bigint FROM uploads
          WHERE account_id = a.id AND state IN ('open', 'completing', 'aborting')) AS targets
    FROM agentcache_accounts a JOIN tier_configs t ON t.tier = a.agentcache_tier) compared
  WHERE used <> files OR reserved <> targets OR (used + reserved > quota AND user_id = ANY($1))`

const BROKEN_FILES = `
  SELECT f.id FROM agentcache_assets f JOIN file_hashes b ON b.id = f.blob_id
  WHERE f.size_bytes <> b.file_size OR b.state <> 'live' OR b.account_id <> f.account_id`

/** As small as makes them full: the point is who is refused, not how much fits. */
const SMALL_QUOTAS = `
  UPDATE tier_configs SET storage_quota_bytes = least(storage_quota_bytes, q.mib::bigint * 1048576)
  FROM (VALUES ('starter', 24), ('pro', 64), ('business', 160)) q(tier, mib) WHERE q.tier = tier_configs.tier`

/**
 * What would take days happens to what has been left alone for 20 s: no client uses signatures that long. Rows that somebody
 * has locked are passed over, so that this never makes anybody wait.
 */
const AGEING = [
  old('file_hashes', `last_referenced_at = last_referenced_at - interval '49 hours'`, {
    where: `state = 'live' AND created_at < now() - interval '20 s' AND last_referenced_at < now() - interval '20 s'
      AND last_referenced_at > now() - interval '40 hours'`,
    share: 0.5,
  }),
  old('agentcache_assets', `trashed_at = trashed_at - interval '31 days'`, {
    where: `trashed_at < now() - interval '10 s'`,
    share: 0.2,
  }),
  old('uploads', `expires_at = now() - interval '1 s'`, {
    where: `state = 'open' AND updated_at < now() - interval '20 s'`,
    share: 0.3,
  }),
  old('uploads', `completing_since = completing_since - interval '2 min'`, {
    where: `state = 'completing' AND completing_since < now() - interval '20 s'`,
    share: 1,
  }),
  old('agentcache_accounts', `reconciled_at = now() - interval '25 hours'`, {
    where: 'true',
    share: 0.1,
  }),
]

/** Nobody works any more: whatever waits for time has waited long enough. */
const ALL_OLD = [
  `UPDATE uploads SET completing_since = completing_since - interval '2 min' WHERE state = 'completing'`,
  `UPDATE uploads SET urls_expire_at = now() - interval '1 hour', manifest_url_expires_at = manifest_url_expires_at - interval '1 hour'
    WHERE state IN ('aborting', 'done', 'aborted')`,
  `UPDATE uploads SET updated_at = now() - interval '1 hour' WHERE state IN ('done', 'aborted')`,
  `UPDATE file_hashes SET last_referenced_at = now() - interval '49 hours'`,
]

export type Truth = {
  /** Sentences about accounts whose figures are wrong; `withinQuota`: users that were never given a smaller quota. */
  wrongUsage(withinQuota: string[]): Promise<string[]>
  brokenFiles(): Promise<number>
  shrinkQuotas(): Promise<void>
  ageSome(): Promise<void>
  ageAll(): Promise<void>
  rows(text: string): Promise<Record<string, string>[]>
  close(): Promise<void>
}

/** A look into the database that passes no proxy. */
export async function openTruth(databaseUrl: string): Promise<Truth> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  return {
    async wrongUsage(withinQuota) {
      const { rows } = await client.query(WRONG_USAGE, [withinQuota])
      return rows.map((row) => `usage: ${JSON.stringify(row)}`)
    },
    async brokenFiles() {
      const { rows } = await client.query(BROKEN_FILES)
      return rows.length
    },
    async shrinkQuotas() {
      await client.query(SMALL_QUOTAS)
    },
    async ageSome() {
      for (const text of AGEING) await client.query(text)
    },
    async ageAll() {
      for (const text of ALL_OLD) await client.query(text)
    },
    async rows(text) {
      const { rows } = await client.query(text)
      return rows
    },
    close: () => client.end(),
  }
}

function old(table: string, change: string, { where, share }: { where: string; share: number }) {
  return `UPDATE ${table} SET ${change} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM ${table} WHERE ${where} AND random() < ${share} FOR NO KEY UPDATE SKIP LOCKED))`
}
