import { query } from '../db/client.ts'
import { allowanceOf, allowanceStatement } from './allowance.ts'

const GIB = 1024 ** 3

/**
 * What an account uses of its quota: bytes, percent of the quota (two decimals; what is reserved is not used yet), and the
 * seed's fields, the same in GiB. Above 100 percent where the quota shrank below what is used; of a quota of nothing a
 * single byte counts as all. SQL 1.
 */
export async function viewQuota(accountId: string) {
  const allowance = allowanceOf(await query(allowanceStatement(accountId)))
  const { tier, edgesEnabled, connectionsMax, fileBytesMax } = allowance
  const { quotaBytes, usedBytes, reservedBytes, bandwidthQuotaBytes, bandwidthUsedBytes } =
    allowance
  return {
    tier,
    storage: { reservedBytes, ...share(usedBytes, quotaBytes) },
    bandwidth: share(bandwidthUsedBytes, bandwidthQuotaBytes),
    jetty_speed_enabled: edgesEnabled,
    features: { edges: edgesEnabled, connections: connectionsMax, fileBytesMax },
  }
}

function share(usedBytes: number, quotaBytes: number) {
  return {
    usedBytes,
    quotaBytes,
    percent: Math.round((usedBytes / Math.max(1, quotaBytes)) * 10_000) / 100,
    used_gb: usedBytes / GIB,
    quota_gb: quotaBytes / GIB,
  }
}
