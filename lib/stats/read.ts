import type { Account } from '../accounts/authenticate.ts'
import { inOneTrip } from '../db/client.ts'
import { readStanding } from '../edges/standing.ts'
import { type Activity, activitiesOf, activityStatement } from './activity.ts'
import { type Connection, connectionOf, connectionStatement } from './connection.ts'
import { gibibytes, percentOf } from './figures.ts'
import { type PathStats, pathsOf, pathsStatement } from './paths.ts'
import type { Period } from './period.ts'
import { totalsOf, totalsStatement } from './totals.ts'
import { type Transfer, transfersOf, transfersStatement } from './transfers.ts'

/** An account's statistics, counted from its own rows of a period. Bytes, Mbit/s, times RFC 3339; null is unknown. */
export type Stats = {
  period: Period
  userId: string
  timestamp: string
  connection: Connection
  file_transfers: {
    total_uploads: number
    total_downloads: number
    uploaded_bytes: number
    downloaded_bytes: number
    active_transfers: Transfer[]
    recent_activity: Activity[]
  }
  performance: {
    cache_hit_rate_percent: number | null
    bandwidth_saved_bytes: number
    bandwidth_saved_gb: number
    edges: PathStats[]
    average_download_ms: null
    upload_acceleration: null
  }
  cache_status: null
}

/**
 * Counts what an account did in a period, and what it is doing. The old system's acceleration, download time and cache
 * have no measurement behind them and stay null. SQL 1 and Redis 1, at the same time.
 */
export async function readStats(account: Account, period: Period): Promise<Stats> {
  const [
    [totalRows = [], pathRows = [], nowRows = [], transferRows = [], activityRows = []],
    known,
  ] = await Promise.all([
    inOneTrip([
      totalsStatement(account.id, period),
      pathsStatement(account.id, period),
      connectionStatement(account.id),
      transfersStatement(account.id),
      activityStatement(account.id, period),
    ]),
    readStanding({ accountId: account.id, position: null }),
  ])
  const totals = totalsOf(totalRows)
  return {
    period,
    userId: account.userId,
    timestamp: new Date().toISOString(),
    connection: connectionOf(nowRows, known),
    file_transfers: {
      total_uploads: totals.uploads,
      total_downloads: totals.downloads,
      uploaded_bytes: totals.uploadedBytes,
      downloaded_bytes: totals.downloadedBytes,
      active_transfers: transfersOf(transferRows),
      recent_activity: activitiesOf(activityRows),
    },
    performance: {
      cache_hit_rate_percent: percentOf(totals.clones, totals.clones + totals.uploads),
      bandwidth_saved_bytes: totals.savedBytes,
      bandwidth_saved_gb: gibibytes(totals.savedBytes),
      edges: pathsOf(pathRows),
      average_download_ms: null,
      upload_acceleration: null,
    },
    cache_status: null,
  }
}
