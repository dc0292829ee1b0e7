import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'

const GIB = 1024 ** 3

/** An account as the systems around it see it. `_gb` are GiB. */
export type AccountView = {
  id: string
  tier: string
  status: string
  storage_quota_gb: number
  bandwidth_quota_gb: number
  jetty_speed_enabled: boolean
  created_at: string
}

/** Reads what `accountViewOf` needs. `where` speaks of accounts `a`. */
export function accountStatement(where: SQL): SQL {
  return sql`
    SELECT a.id, a.agentcache_user_id, a.agentcache_tier, a.status, a.request_digest, a.created_at,
      t.storage_quota_bytes, t.bandwidth_quota_bytes, t.jetty_speed_enabled
    FROM agentcache_accounts a JOIN tier_configs t ON t.tier = a.agentcache_tier WHERE ${where}`
}

export function accountViewOf(row: Row): AccountView {
  return {
    id: column.text(row, 'id'),
    tier: column.text(row, 'agentcache_tier'),
    status: column.text(row, 'status'),
    storage_quota_gb: column.number(row, 'storage_quota_bytes') / GIB,
    bandwidth_quota_gb: column.number(row, 'bandwidth_quota_bytes') / GIB,
    jetty_speed_enabled: column.boolean(row, 'jetty_speed_enabled'),
    created_at: column.time(row, 'created_at'),
  }
}
