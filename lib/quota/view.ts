import { query } from '../db/client.ts'
import { allowanceOf, allowanceStatement } from './allowance.ts'

const GIB = 1024 ** 3

/**
 * What an account uses of its quota, in bytes and in the seed's fields (GB is GiB, three decimals, for people; the bytes
 * are what counts). SQL 1.
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
  const percent = quotaBytes === 0 ? 0 : Math.round((usedBytes / quotaBytes) * 10_000) / 100
  return {
    usedBytes,
    quotaBytes,
    percent,
    used_gb: gibibytes(usedBytes),
    quota_gb: gibibytes(quotaBytes),
  }
}

function gibibytes(bytes: number): number {
  return Math.round((bytes / GIB) * 1000) / 1000
}
