import type { Row } from '../db/client.ts'
import { column } from '../db/row.ts'
import { type SQL, sql } from '../vendor/orm.js'

/** What an account may use and uses, in bytes; `edgesEnabled` and `connectionsMax` are the tier's. */
export type Allowance = {
  tier: string
  quotaBytes: number
  usedBytes: number
  reservedBytes: number
  bandwidthQuotaBytes: number
  bandwidthUsedBytes: number
  fileBytesMax: number
  edgesEnabled: boolean
  connectionsMax: number
}

/** Reads the allowance in whatever round trip is under way; bandwidth counts the calendar month in UTC. */
export function allowanceStatement(accountId: string): SQL {
  return sql`
    SELECT t.*, a.storage_used_bytes, a.storage_reserved_bytes, coalesce(u.bandwidth_bytes, 0) AS bandwidth_bytes
    FROM agentcache_accounts a
    JOIN tier_configs t ON t.tier = a.agentcache_tier
    LEFT JOIN storage_usage u
      ON u.account_id = a.id AND u.period_start = date_trunc('month', now() AT TIME ZONE 'UTC')::date
    WHERE a.id = ${accountId}`
}

/** The answer to `allowanceStatement`. */
export function allowanceOf([row]: Row[]): Allowance {
  if (!row) throw new Error('the account of an accepted key is gone')
  return {
    tier: column.text(row, 'tier'),
    quotaBytes: column.number(row, 'storage_quota_bytes'),
    usedBytes: column.number(row, 'storage_used_bytes'),
    reservedBytes: column.number(row, 'storage_reserved_bytes'),
    bandwidthQuotaBytes: column.number(row, 'bandwidth_quota_bytes'),
    bandwidthUsedBytes: column.number(row, 'bandwidth_bytes'),
    fileBytesMax: column.number(row, 'file_bytes_max'),
    edgesEnabled: column.boolean(row, 'jetty_speed_enabled'),
    connectionsMax: column.number(row, 'connections_max'),
  }
}
